/** Jobs that a round should have given more, and did not: there are none, and a metric says so. */
import { partitionKey } from "../model/partition.ts";
import { add, fits, type Resources, subtract } from "../model/resources.ts";
import { isWithin, lineage } from "../model/role.ts";
import type { RoundInput, RoundJob, RoundResult } from "./input.ts";
import { slotsIn } from "./slots.ts";

/** Waiting jobs with a slot that is free and lent, within their fair part and their roles' limits. @returns their ids */
export function starvedJobs(input: RoundInput, result: RoundResult): string[] {
  const free = freeAfter(input, result);
  const used = usedByRole(input, result);
  return input.jobs.filter((job) => isStarved(job, input, result, free, used)).map(({ id }) => id);
}

function isStarved(
  job: RoundJob,
  input: RoundInput,
  result: RoundResult,
  free: ReadonlyMap<string, { all: Resources; lent: Resources }>,
  used: ReadonlyMap<string, Resources>,
): boolean {
  const limits = result.limits.get(job.id);
  const entitled = result.entitled.get(job.id);
  const granted = [...(limits?.values() ?? [])].reduce((a, b) => a + b, 0);
  if (granted >= job.remaining) return false;
  const isOverLimit = lineage(job.role).some((role) => {
    const policy = input.roles.get(role);
    return policy !== undefined && !withinBounds(policy.limit, add(used.get(role) ?? {}, job.demand));
  });
  if (isOverLimit) return false;
  return input.partitions.some((partition) => {
    const key = partitionKey(partition.cluster, partition.name);
    const has = Math.max(limits?.get(key) ?? 0, job.held.get(key)?.charged ?? 0);
    if ((entitled?.get(key) ?? 0) <= has || slotsIn(partition, job) <= has) return false;
    const room = free.get(key);
    const isOwner = partition.owner === null || isWithin(job.role, partition.owner);
    return room !== undefined && fits(job.demand, room.all) && (isOwner || withinBounds(room.lent, job.demand));
  });
}

const withinBounds = (bounds: Resources, wanted: Resources): boolean =>
  Object.entries(bounds).every(([name, bound]) => (wanted[name] ?? 0) <= bound);

/** What is left of each partition when every job uses all it may, now and by its new limits. */
function freeAfter(input: RoundInput, result: RoundResult): Map<string, { all: Resources; lent: Resources }> {
  return new Map(
    input.partitions.map((partition) => {
      const key = partitionKey(partition.cluster, partition.name);
      let all = partition.usable;
      let lent = partition.lendable;
      for (const job of input.jobs) {
        const count = Math.max(result.limits.get(job.id)?.get(key) ?? 0, job.held.get(key)?.charged ?? 0);
        if (count === 0) continue;
        const taken = add({}, job.demand, count);
        all = subtract(all, taken);
        const isOwner = partition.owner === null || isWithin(job.role, partition.owner);
        if (!isOwner) lent = onlyNamed(subtract(lent, taken), lent);
      }
      return [key, { all, lent }] as const;
    }),
  );
}

const onlyNamed = (amounts: Resources, named: Resources): Resources =>
  Object.fromEntries(Object.entries(amounts).filter(([name]) => name in named));

function usedByRole(input: RoundInput, result: RoundResult): Map<string, Resources> {
  const used = new Map<string, Resources>();
  for (const job of input.jobs) {
    const limits = result.limits.get(job.id);
    const keys = new Set([...(limits?.keys() ?? []), ...job.held.keys()]);
    let count = 0;
    for (const key of keys) count += Math.max(limits?.get(key) ?? 0, job.held.get(key)?.charged ?? 0);
    for (const role of lineage(job.role)) used.set(role, add(used.get(role) ?? {}, job.demand, count));
  }
  return used;
}
