/**
 * The LpSolver over an instance of HiGHS. Its linear memory never shrinks, so an instance that grew is dropped after
 * use; the next one takes some 20 ms. There is no time limit in it: a Worker's clock stands still while it computes.
 */
import type { Highs, Model } from "highs";
import type { LinearProgram, LpBasis, LpOptions, LpOutcome, LpSolver } from "../scheduling/assign/lp.ts";

/** It starts with 20 MiB and grows in steps. */
const KEPT_BYTES = 42 * 2 ** 20;
const DEVEX = 1;
const SIMPLEX_STRATEGY = { dual: 1, primal: 4 };

export class HighsSolver implements LpSolver {
  readonly #load: () => Highs;
  #highs: Highs | null = null;
  /** the largest linear memory so far */
  peakBytes = 0;

  /** @param load makes an instance, when one is first needed and after one was dropped */
  constructor(load: () => Highs) {
    this.#load = load;
  }

  /** The next call starts a fresh instance. */
  drop(): void {
    this.#highs = null;
  }

  solve(program: LinearProgram, options: LpOptions): LpOutcome | null {
    try {
      this.#highs ??= this.#load();
      const outcome = solveOn(this.#highs, program, options);
      this.peakBytes = Math.max(this.peakBytes, this.#highs.memoryBytes);
      if (this.#highs.memoryBytes > KEPT_BYTES) this.drop();
      return outcome;
    } catch (error) {
      // Whatever it was (out of memory, most likely), the instance may be broken; the caller has another way.
      this.drop();
      console.error("the solver failed", error);
      return null;
    }
  }
}

function solveOn(highs: Highs, program: LinearProgram, { maxIterations, start, simplex }: LpOptions): LpOutcome | null {
  const model = modelOf(highs, program);
  try {
    model.options.set({
      output_flag: false,
      solver: "simplex",
      // Presolve would give up the basis; the other two cost more than they save on programs as small and even as these.
      presolve: "off",
      simplex_scale_strategy: 0,
      simplex_dual_edge_weight_strategy: DEVEX,
      simplex_strategy: SIMPLEX_STRATEGY[simplex],
      simplex_iteration_limit: maxIterations,
    });
    if (start) model.setBasis({ colStatus: start.columns, rowStatus: start.rows });
    const { modelStatus } = model.run();
    const { optimal, iterationLimit } = highs.constants.modelStatus;
    if (modelStatus !== optimal && modelStatus !== iterationLimit) return null;
    const { colValue, rowDual } = model.getSolution();
    const { colStatus, rowStatus } = model.getBasis();
    const basis: LpBasis = { columns: colStatus, rows: rowStatus };
    return {
      status: modelStatus === optimal ? "optimal" : "stopped",
      x: colValue,
      prices: rowDual.map((dual) => Math.max(0, dual)),
      basis,
      iterations: Number(model.info.get("simplex_iteration_count")),
    };
  } finally {
    model.dispose();
  }
}

function modelOf(highs: Highs, { cost, rowUpper, starts, indices, values }: LinearProgram): Model {
  const numCols = cost.length;
  const numRows = rowUpper.length;
  return highs.createModel({
    numCols,
    numRows,
    sense: highs.constants.objectiveSense.maximize,
    colCost: cost,
    colLower: new Float64Array(numCols),
    colUpper: new Float64Array(numCols).fill(highs.infinity),
    rowLower: new Float64Array(numRows).fill(-highs.infinity),
    rowUpper,
    matrix: { format: "csc", numRows, numCols, starts, indices, values },
  });
}
