/**
 * Where numbers begin after a restore. What was given out after the backup is not in the rows, so the first hand-out and
 * gen of a job, also of one that is submitted again, and the numbers of events depend on the generation: the seconds
 * since 1970 of the restore.
 */

/** A generation below this is a small counter that someone keeps by hand. */
const SECONDS_FROM = 1_750_000_000;
/** Hand-outs a second that one job may have had between two restores; they stay below 2^33 until 2033. */
const HANDOUTS_PER_S = 32;
const HANDOUTS_PER_COUNT = 2 ** 20;
const GENS_PER_COUNT = 2 ** 20;
const EVENTS_PER_COUNT = 2 ** 20;

export function firstHandout(generation: number): number {
  const isTime = generation >= SECONDS_FROM;
  return 1 + (isTime ? (generation - SECONDS_FROM) * HANDOUTS_PER_S : generation * HANDOUTS_PER_COUNT);
}

export const firstEvent = (generation: number): number => generation * EVENTS_PER_COUNT + 1;

/** Gens have 53 bits. */
export const firstGen = (generation: number): number => generation * GENS_PER_COUNT;
