/**
 * When a gang that was given back for want of places may be granted here again. What other gangs kept for a while and
 * let go of is no reason by itself: two of them would be granted and given back in turns for as long as nothing ends.
 */
import { add, fits } from "../model/resources.ts";
import { beside } from "./frameworks/yields.ts";
import { sizeOf } from "./gang.ts";
import { accounts } from "./levels.ts";
import type { ClusterMemory } from "./memory.ts";
import type { JobState } from "./state.ts";

/** As things stood when places for all of a gang were last looked for in vain. */
const inVain = new WeakMap<JobState, number>();

/**
 * Others have had their turn, and since it was given back something has ended there, or all of it has places by now.
 *
 * @param vacated nodes that have more room since this was asked last
 */
export function mayTryAgain(memory: ClusterMemory, job: JobState, vacated: Iterable<string>, now: number): boolean {
  if (!job.mayFit) job.mayFit = isOneOf(memory, job, vacated);
  if (memory.gangTimes.restUntil.has(job.id)) return false;
  return job.mayFit || hasPlaces(memory, job, now);
}

/** Whether one of these nodes is where it found no places; who must be apart from others may be helped by any. */
function isOneOf({ nodeAccounts }: ClusterMemory, job: JobState, nodes: Iterable<string>): boolean {
  const isFar = job.template.apart.length > 0;
  for (const name of nodes)
    if (isFar || nodeAccounts.homesOf(name).some((one) => job.lacksIn.includes(one))) return true;
  return false;
}

/** What is only offered comes back, and is as good as free. */
function hasPlaces(memory: ClusterMemory, job: JobState, now: number): boolean {
  if (inVain.get(job) === memory.freed) return false;
  const all = accounts(memory, now);
  const tasks = sizeOf(job);
  const wanted = add({}, job.asked.demand, tasks);
  const isExcluded = (node: string): boolean => job.refusedBy.has(node);
  for (const partition of job.lacksIn) {
    const { free, offered } = all.get(partition) ?? {};
    if (!free || !offered || !fits(wanted, add(free, offered))) continue;
    const where = { partition, pack: memory.spec(partition).pack, reach: "up", isExcluded } as const;
    const offers = [...memory.frameworks.offers.values()].map(beside);
    if (memory.placer.together(job.asked, where, tasks, offers) !== null) return true;
  }
  inVain.set(job, memory.freed);
  return false;
}
