/** What a league decides for itself: what its rounds aim at, how long past use counts, and how things are taken back. */

export const OBJECTIVES = ["utilisation", "completion-time", "cost", "balance"] as const;
export type Objective = (typeof OBJECTIVES)[number];

export interface LeagueSettings {
  /** what the optimised round prefers among what is fair */
  objective: Objective;
  /** past use counts half as much after so long */
  historyHalfLifeMs: number;
  /** how much past use counts beside present use; 0: not at all */
  historyWeight: number;
  /** each hand-out counts as if it had run at least so long, so that a burst of short tasks cannot slip in */
  entryPenaltyMs: number;
  /** so long who has a right to a place waits for tasks to end before any is stopped for it */
  graceMs: number;
  /** an attempt that has run for less is not stopped for others */
  minRunMs: number;
}

export const DEFAULT_SETTINGS: LeagueSettings = {
  objective: "utilisation",
  historyHalfLifeMs: 3_600_000,
  historyWeight: 0.25,
  entryPenaltyMs: 10_000,
  graceMs: 60_000,
  minRunMs: 60_000,
};
