/** What no round may go beyond, said anew from its input and without its arithmetic. */
import { isWithin, lineage } from "../model/role.ts";
import type { Limits, RoundInput, RoundJob, RoundPartition } from "./input.ts";
import { keyOf, slotsIn } from "./slots.ts";

export type Count = (job: RoundJob, partition: RoundPartition) => number;
export const countsIn =
  (limits: Limits): Count =>
  (job, partition) =>
    limits.get(job.id)?.get(keyOf(partition)) ?? 0;

/** One thing that is bounded: how much of it is used, and how much may be. */
interface Bounded {
  what: string;
  used: number;
  most: number;
}

/** All that is bounded in the league, for tasks by job and partition. */
export function bounded(input: RoundInput, count: Count): Bounded[] {
  const names = ["cpus", "mem"];
  const all: Bounded[] = [];
  const use = (r: string, whose: (job: RoundJob) => boolean, where: (partition: RoundPartition) => boolean) => {
    let sum = 0;
    for (const job of input.jobs)
      for (const partition of input.partitions)
        if (whose(job) && where(partition)) sum += (job.demand[r] ?? 0) * count(job, partition);
    return sum;
  };
  for (const r of names) {
    for (const partition of input.partitions) {
      const here = (one: RoundPartition) => one === partition;
      const key = keyOf(partition);
      all.push({ what: `${r} of ${key}`, used: use(r, () => true, here), most: partition.usable[r] ?? 0 });
      const { owner } = partition;
      if (owner !== null) {
        const most = partition.lendable[r] ?? Number.POSITIVE_INFINITY;
        all.push({ what: `lent ${r} of ${key}`, used: use(r, (job) => !isWithin(job.role, owner), here), most });
      }
    }
    for (const [role, policy] of input.roles) {
      const whose = (job: RoundJob) => isWithin(job.role, role);
      all.push({ what: `${r} of ${role}`, used: use(r, whose, () => true), most: policy.limit[r] ?? Infinity });
      // Guarantees of roles under it are its own, unless they keep some: then it may borrow what is theirs.
      const guaranteed = [...input.roles].filter(([path]) => isWithin(path, role));
      const kept = guaranteed.some(([path, { lend }]) => path !== role && r in lend);
      const guarantee = guaranteed.reduce((sum, [, one]) => sum + (one.guarantee[r] ?? 0), 0);
      const elsewhere = (one: RoundPartition) => one.owner === null || !isWithin(one.owner, role);
      if (!kept)
        all.push({
          what: `${r} that ${role} borrows`,
          used: use(r, whose, elsewhere),
          most: guarantee + (policy.borrow[r] ?? Number.POSITIVE_INFINITY),
        });
    }
    if (input.partitions.every(({ owner }) => owner === null)) all.push(...reserves(input, r, use));
  }
  for (const job of input.jobs) {
    for (const partition of input.partitions)
      all.push({
        what: `slots of ${job.id} in ${keyOf(partition)}`,
        used: count(job, partition),
        most: slotsIn(partition, job),
      });
    const used = input.partitions.reduce((n, partition) => n + count(job, partition), 0);
    all.push({ what: `tasks of ${job.id}`, used, most: job.remaining });
  }
  return all;
}

type Use = (r: string, whose: (job: RoundJob) => boolean, where: (partition: RoundPartition) => boolean) => number;

/** What top roles without others under them keep of their guarantee is used by nobody else. */
function reserves(input: RoundInput, r: string, use: Use): Bounded[] {
  const capacity = input.partitions.reduce((sum, { usable }) => sum + (usable[r] ?? 0), 0);
  const promised = [...input.roles.values()].reduce((sum, { guarantee }) => sum + (guarantee[r] ?? 0), 0);
  if (promised > capacity || [...input.roles.keys()].some((role) => lineage(role).length > 1)) return [];
  let kept = 0;
  for (const [role, { guarantee, lend }] of input.roles) {
    const keeps = Math.max(0, (guarantee[r] ?? 0) - (lend[r] ?? Number.POSITIVE_INFINITY));
    kept += Math.max(
      0,
      keeps -
        use(
          r,
          (job) => isWithin(job.role, role),
          () => true,
        ),
    );
  }
  // What runs where there is no room for it takes nothing from elsewhere.
  const used = input.partitions.reduce(
    (sum, here) =>
      sum +
      Math.min(
        here.usable[r] ?? 0,
        use(
          r,
          () => true,
          (partition) => partition === here,
        ),
      ),
    0,
  );
  return [{ what: `${r} that is kept back`, used, most: capacity - kept }];
}

/** What of it is used beyond what may be. */
export const broken = (input: RoundInput, count: Count): string[] =>
  bounded(input, count)
    .filter(({ used, most }) => used > most)
    .map(({ what, used, most }) => `${what}: ${used} of ${most}`);
