/**
 * What lending sees of one resource that many owners share, and what it decides. Amounts are integers of that resource
 * in any one unit. How long a job will run is not known to it, and so is in none of these.
 */

/** A job whose tasks start together or not at all. */
export interface Gang {
  /** rises with age: of two that came at once, the lower came first */
  id: number;
  owner: string;
  size: number;
  /** when it first came; being stopped does not change it */
  queuedAtMs: number;
}

export interface Attempt {
  gang: Gang;
  startedAtMs: number;
}

/** Waiting gangs that no rule can tell apart but by age. */
export interface Line {
  owner: string;
  size: number;
  /** oldest first */
  waiting: readonly Gang[];
}

export interface LendingView {
  nowMs: number;
  /** in nobody's use */
  free: number;
  /** what each owner brought, and gets back */
  quotas: ReadonlyMap<string, number>;
  /** what attempts of each owner use, of its own and of others' */
  inUse: ReadonlyMap<string, number>;
  lines: readonly Line[];
  /** that run, oldest first */
  attempts: readonly Attempt[];
}

export interface LendingDecision {
  /** is free before `start` takes it */
  stop: readonly Attempt[];
  start: readonly Gang[];
  /** when to decide again, though nothing comes or ends until then */
  againAtMs: number | null;
}
