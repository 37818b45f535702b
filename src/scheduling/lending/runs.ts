/**
 * How long an owner's jobs run, learned from what has run so far. Time run ÷ runs ended is the estimate of a mean when
 * some are still running (censored, exponential); a few runs of the mean of all stand in for what an owner has not
 * shown yet.
 */
import type { Attempt } from "./view.ts";

export interface Runs {
  ranMs: number;
  ended: number;
}

/** An owner is judged by its own jobs once more of them than this have ended. */
const PRIOR_RUNS = 10;

export function withEnd(runs: ReadonlyMap<string, Runs>, attempt: Attempt, nowMs: number): Map<string, Runs> {
  const { ranMs, ended } = runs.get(attempt.gang.owner) ?? { ranMs: 0, ended: 0 };
  const run = { ranMs: ranMs + nowMs - attempt.startedAtMs, ended: ended + 1 };
  return new Map(runs).set(attempt.gang.owner, run);
}

/** @returns by owner; one that has not run anything is not named */
export function meanRunMs(
  runs: ReadonlyMap<string, Runs>,
  running: Iterable<Attempt>,
  nowMs: number,
): (owner: string) => number {
  const ran = new Map([...runs].map(([owner, { ranMs }]) => [owner, ranMs]));
  for (const { gang, startedAtMs } of running) {
    ran.set(gang.owner, (ran.get(gang.owner) ?? 0) + nowMs - startedAtMs);
  }
  const allRanMs = [...ran.values()].reduce((sum, ms) => sum + ms, 0);
  const allEnded = [...runs.values()].reduce((sum, { ended }) => sum + ended, 0);
  const overallMs = allRanMs / Math.max(1, allEnded);
  return (owner) => ((ran.get(owner) ?? 0) + PRIOR_RUNS * overallMs) / ((runs.get(owner)?.ended ?? 0) + PRIOR_RUNS);
}
