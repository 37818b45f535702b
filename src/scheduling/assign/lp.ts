/** The seam to a solver of linear programs: one call, typed arrays, no clock. */

/** Maximise cost·x over x ≥ 0 with every row's activity ≤ its bound. The matrix is given by columns. */
export interface LinearProgram {
  cost: Float64Array;
  rowUpper: Float64Array;
  /** columns + 1: where each column's entries begin */
  starts: Int32Array;
  /** rows of the entries */
  indices: Int32Array;
  values: Float64Array;
}

/** By column and by row: 0 at its lower bound, 1 basic, 2 at its upper bound (HiGHS' numbers). */
export interface LpBasis {
  columns: Int32Array;
  rows: Int32Array;
}

export const AT_LOWER = 0;
export const BASIC = 1;
export const AT_UPPER = 2;

export interface LpOptions {
  /** the only limit: a Worker's clock stands still while it computes */
  maxIterations: number;
  /** may not fit exactly; null: from scratch */
  start: LpBasis | null;
  /** "primal" where `start` satisfies the rows, "dual" where it was optimal before bounds changed */
  simplex: "primal" | "dual";
}

export interface LpOutcome {
  /** "stopped" at the limit: `x` and `prices` are where it stood */
  status: "optimal" | "stopped";
  x: Float64Array;
  /** what one more unit of each row's bound is worth, ≥ 0 */
  prices: Float64Array;
  basis: LpBasis;
  iterations: number;
}

export interface LpSolver {
  /** @returns null if it failed */
  solve(program: LinearProgram, options: LpOptions): LpOutcome | null;
}
