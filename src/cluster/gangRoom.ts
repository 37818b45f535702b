/** What room there is for a gang: by its job's limits, and by nodes, were they empty. */
import { isOwn } from "../model/constraints.ts";
import { SELF } from "../model/placing.ts";
import { copiesOn } from "../scheduling/packing/shape.ts";
import { couldRun } from "./ends.ts";
import { gangsWaiting, standingOf } from "./gang.ts";
import type { ClusterMemory } from "./memory.ts";
import { type JobState, limitOf, liveCounts, stockSize } from "./state.ts";

/** Tasks by partition. */
export type Rooms = Map<string, number>;

/** By partition, what runs, and of gangs what will be tried again beside it. */
export function besideCounts(job: JobState): Record<string, number> {
  const live = liveCounts(job);
  if (job.template.gang === null) return live;
  for (const number of gangsWaiting(job)) {
    const { live: running, waiting } = standingOf(job, number);
    const partition = running[0]?.partition;
    if (partition !== undefined) live[partition] = (live[partition] ?? 0) + waiting.length;
  }
  return live;
}

/** What its limits leave beside that. */
export function roomsOf(memory: ClusterMemory, job: JobState): Rooms {
  const live = besideCounts(job);
  const most = limitOf(job) - stockSize(job.limbo) - Object.values(live).reduce((n, tasks) => n + tasks, 0);
  return new Map(
    memory.partitions.map(({ name }) => [name, Math.min(most, (job.limits[name] ?? 0) - (live[name] ?? 0))] as const),
  );
}

/** Some partition that the job may use would hold so many of its tasks, were it empty. */
export const isAble = (memory: ClusterMemory, job: JobState, tasks: number, now: number): boolean =>
  Object.entries(job.limits).some(([name, limit]) => limit > 0 && couldHold(memory, job, name, tasks, now));

/** Whether the partition's nodes that are up would, were they empty. */
export function couldHold(
  memory: ClusterMemory,
  job: JobState,
  partition: string,
  tasks: number,
  now: number,
): boolean {
  const { apart, name } = job.asked.job;
  const overs = apart.filter((one) => one.job === SELF || one.job === name).map(({ over }) => over);
  const isAlone = overs.some((over) => isOwn({ name: over }));
  const shared = overs.filter((over) => !isOwn({ name: over })).map((over) => ({ over, seen: new Set<string>() }));
  let slots = 0;
  for (const node of couldRun(memory, job, now)) {
    if (!node.partitions.includes(partition)) continue;
    slots += isAlone ? 1 : copiesOn(job.asked.demand, node.capacity);
    for (const { over, seen } of shared) seen.add(node.attributes[over] ?? "");
    if (slots >= tasks && shared.every(({ seen }) => seen.size >= tasks)) return true;
  }
  return false;
}
