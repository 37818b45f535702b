/**
 * The fill level that all partitions can be held to: the smallest share of every capacity at which nearly as much is
 * still placed as when partitions may be full.
 */
import { type AssignResult, assign } from "./assign.ts";
import type { LpSolver } from "./lp.ts";
import type { AssignProblem } from "./problem.ts";
import type { AssignWarm } from "./warm.ts";

export interface Balanced {
  /** of every partition's capacity, 0 to 1 */
  level: number;
  result: AssignResult;
}

/** Of the value when partitions may be full. */
const NEARLY = 0.995;
/** The level is found to this: an owner sees no more of it. */
const PRECISION = 1 / 64;

/** Coupling rows are limits of their own and stay as they are. */
export function balance(problem: AssignProblem, solver: LpSolver | null, warm: AssignWarm | null = null): Balanced {
  let best: Balanced = { level: 1, result: assign(problem, solver, warm) };
  const enough = NEARLY * best.result.value;
  let { warm: last } = best.result;
  let tooLow = 0;
  // Where all is full, as it mostly is when there is a choice to make, the first one ends it.
  let level = 1 - PRECISION;
  while (best.level - tooLow > PRECISION) {
    const result = assign(filledTo(problem, level), solver, last);
    last = result.warm;
    if (result.value >= enough) best = { level, result };
    else tooLow = level;
    level = (tooLow + best.level) / 2;
  }
  return best;
}

const filledTo = (problem: AssignProblem, level: number): AssignProblem => ({
  ...problem,
  partitions: problem.partitions.map(({ key, capacity }) => ({
    key,
    capacity: capacity.map((amount) => Math.floor(amount * level)),
  })),
});
