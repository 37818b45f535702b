/**
 * When a gang that was given back for want of places may be granted here again. What other gangs kept for a while and
 * let go of is no reason by itself: two of them would be granted and given back in turns for as long as nothing ends.
 */
import { add, fits } from "../model/resources.ts";
import { beside } from "./frameworks/yields.ts";
import { sizeOf } from "./gang.ts";
import { type InVain, isOld } from "./gangTimes.ts";
import { accounts } from "./levels.ts";
import type { ClusterMemory } from "./memory.ts";
import type { JobState } from "./state.ts";

const inVain = new WeakMap<JobState, InVain>();

/**
 * Of the partitions where it found no places, those where something has ended since, or all of it has places by now; none
 * while others have their turn.
 *
 * @param vacated nodes that have more room since this was asked last
 */
export function placesAgain(memory: ClusterMemory, job: JobState, vacated: Iterable<string>, now: number): string[] {
  const betters = betteredBy(memory, job, vacated);
  if (betters.size > job.mayFitIn.length) job.mayFitIn = [...betters];
  if (memory.gangTimes.restUntil.has(job.id)) return [];
  return [...new Set([...job.mayFitIn, ...withPlaces(memory, job, now)])];
}

/** With those that were before; who must be apart from others may be helped by whatever ends anywhere. */
function betteredBy({ nodeAccounts }: ClusterMemory, job: JobState, nodes: Iterable<string>): ReadonlySet<string> {
  const isFar = job.template.apart.length > 0;
  const betters = new Set(job.mayFitIn);
  for (const name of nodes)
    for (const one of isFar ? job.lacksIn : nodeAccounts.homesOf(name)) if (job.lacksIn.includes(one)) betters.add(one);
  return betters;
}

/** What is only offered comes back, and is as good as free. */
function withPlaces(memory: ClusterMemory, job: JobState, now: number): string[] {
  const { freed } = memory;
  const known = inVain.get(job);
  if (known && !isOld(known, freed, now)) return [];
  const all = accounts(memory, now);
  const tasks = sizeOf(job);
  const wanted = add({}, job.asked.demand, tasks);
  const isExcluded = (node: string): boolean => job.refusedBy.has(node);
  const found = job.lacksIn.filter((partition) => {
    const { free, offered } = all.get(partition) ?? {};
    if (!free || !offered || !fits(wanted, add(free, offered))) return false;
    const where = { partition, pack: memory.spec(partition).pack, reach: "up", isExcluded } as const;
    const offers = [...memory.frameworks.offers.values()].map(beside);
    return memory.placer.together(job.asked, where, tasks, offers) !== null;
  });
  if (found.length === 0) inVain.set(job, { freed, at: now });
  return found;
}
