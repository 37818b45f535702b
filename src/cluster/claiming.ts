/** What a claim still lacks, in tasks, and for which task or gang of its job room is made next. */
import { gangsWaiting, isWhole, type Standing, sizeOf, standingOf } from "./gang.ts";
import { besideCounts } from "./gangRoom.ts";
import type { ClusterMemory } from "./memory.ts";
import { type JobState, stockSize } from "./state.ts";
import type { Claimant } from "./victims.ts";

/** Tasks that start at once: one, or a gang. */
export interface Next {
  /** its number; null: any task of the job */
  gang: number | null;
  tasks: number;
}

/**
 * For whom room is made next.
 * @param stopping attempts in the partition that were stopped for some claim, and it is not known for whose
 * @returns null: for nobody more
 */
export function nextOf(memory: ClusterMemory, claimant: Claimant, stopping: number, now: number): Next | null {
  const { job } = claimant;
  const lacks = lacking(memory, claimant, stopping);
  if (lacks <= 0) return null;
  if (job.template.gang === null) return { gang: null, tasks: 1 };
  for (const { number, waiting, notBefore } of wholeGangs(job)) {
    const isFree = notBefore <= now && memory.making.forGang(job.id, number) === undefined;
    if (isFree && waiting.length <= lacks) return { gang: number, tasks: waiting.length };
  }
  return null;
}

/** Tasks that it claims and has no room made for; none where what waits has room already. */
function lacking({ making }: ClusterMemory, { job, kind, partition }: Claimant, stopping: number): number {
  const made = making.placesIn(job.id, partition);
  const granted = Math.max(0, grantedIn(job, partition));
  // What limits allow it first looks for a place of its own.
  if (granted > made && job.starvedAt === null) return 0;
  // Places for a gang are chosen once it is known what is free.
  if (stopping > 0 && job.template.gang !== null) return 0;
  const ahead = made - Math.min(made, granted) + stopping;
  const waiting = waitingOf(job) - granted - grantedElsewhere(job, partition);
  const other = made - making.placesIn(job.id, partition, kind);
  return Math.min(waiting - ahead, (job.claim?.[kind][partition] ?? 0) - (ahead - Math.min(ahead, other)));
}

/** Tasks that have room by limits in other partitions. */
function grantedElsewhere(job: JobState, partition: string): number {
  const unit = sizeOf(job);
  let granted = 0;
  for (const name of Object.keys(job.limits))
    if (name !== partition) granted += unit * Math.floor(Math.max(0, grantedIn(job, name)) / unit);
  return granted;
}

/** Tasks of the job that its limits let start there. */
export const grantedIn = (job: JobState, partition: string): number =>
  (job.limits[partition] ?? 0) - (besideCounts(job)[partition] ?? 0);

/** Tasks that may start: of gangs those of which all may. */
export function waitingOf(job: JobState): number {
  if (job.template.gang === null) return stockSize(job.fresh) + job.retry.size;
  return wholeGangs(job).reduce((n, { waiting }) => n + waiting.length, 0);
}

export const wholeGangs = (job: JobState): Standing[] =>
  gangsWaiting(job)
    .map((number) => standingOf(job, number))
    .filter(isWhole);
