/** Which tasks of a job are one gang, and how they stand here. */
import { contains, intersect, isEmpty, type Range, type Ranges } from "../model/ranges.ts";
import type { JobState, Live } from "./state.ts";

/** How a gang stands of which something waits here; who is over, or in no cluster, is missing. */
export interface Standing {
  number: number;
  /** handed out before, or not yet; in order */
  waiting: number[];
  live: Live[];
  /** some may be running, and it is not known where */
  inLimbo: boolean;
  /** when the last of them may be tried again */
  notBefore: number;
}

export const sizeOf = ({ template }: Pick<JobState, "template">): number => template.gang?.size ?? 1;
export const gangAt = (job: JobState, index: number): number => Math.floor(index / sizeOf(job));
export const rangeOf = (job: JobState, number: number): Range => [number * sizeOf(job), (number + 1) * sizeOf(job)];
export const keyOf = (job: JobState, number: number): string => `${job.id}/${number}`;

/** Of a job whose tasks are each by themselves: none. */
export function* liveInGang(job: JobState, index: number): Generator<Live> {
  if (job.template.gang === null) return;
  const [from, to] = rangeOf(job, gangAt(job, index));
  for (let other = from; other < to; other++) {
    const live = job.live.get(other);
    if (live) yield live;
  }
}

/** One of them has failed for good: the others cannot do without it. */
export const isDoomed = (job: JobState, index: number): boolean =>
  job.template.gang !== null && !isEmpty(intersect([rangeOf(job, gangAt(job, index))], job.failed));

/** Numbers of the gangs of which something waits, in order. */
export function gangsWaiting(job: JobState): number[] {
  const numbers = new Set<number>();
  for (const index of job.retry.keys()) numbers.add(gangAt(job, index));
  for (const { ranges } of job.fresh)
    for (const [from, to] of ranges)
      for (let number = gangAt(job, from); number <= gangAt(job, to - 1); number++) numbers.add(number);
  return [...numbers].sort((a, b) => a - b);
}

export function standingOf(job: JobState, number: number): Standing {
  const [from, to] = rangeOf(job, number);
  const standing: Standing = { number, waiting: [], live: [], inLimbo: false, notBefore: 0 };
  const fresh = job.fresh.filter(({ ranges }) => !isEmpty(intersect([[from, to]], ranges)));
  for (let index = from; index < to; index++) {
    const live = job.live.get(index);
    const retry = job.retry.get(index);
    if (live) standing.live.push(live);
    else if (retry) standing.notBefore = Math.max(standing.notBefore, retry.notBefore);
    if (!live && (retry || fresh.some(({ ranges }) => contains(ranges, index)))) standing.waiting.push(index);
  }
  standing.inLimbo = job.limbo.some(({ ranges }) => !isEmpty(intersect([[from, to]], ranges)));
  return standing;
}

/** Nothing of it runs or may run: its waiting tasks are all of it that is here. */
export const isWhole = ({ live, inLimbo }: Standing): boolean => live.length === 0 && !inLimbo;

/** What waits here and may go back to the Broker: of gangs only those that are whole. */
export function returnable(job: JobState): Ranges {
  if (job.template.gang === null) return [[0, Number.MAX_SAFE_INTEGER]];
  return gangsWaiting(job).flatMap((number): Range[] =>
    isWhole(standingOf(job, number)) ? [rangeOf(job, number)] : [],
  );
}
