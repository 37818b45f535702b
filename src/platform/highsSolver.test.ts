import { expect, test, vi } from "vitest";
import { nodeSolver } from "../../test/support/highs.ts";
import type { LinearProgram } from "../scheduling/assign/lp.ts";
import { HighsSolver } from "./highsSolver.ts";

/** max 3x + 2y with x + y ≤ 4 and x ≤ 3: x = 3, y = 1; a unit more of the first row is worth 2, of the second 1. */
const program: LinearProgram = {
  cost: Float64Array.of(3, 2),
  rowUpper: Float64Array.of(4, 3),
  starts: Int32Array.of(0, 2, 3),
  indices: Int32Array.of(0, 1, 0),
  values: Float64Array.of(1, 1, 1),
};

test.each(["primal", "dual"] as const)("the %s simplex finds the optimum and what the rows are worth", (simplex) => {
  const outcome = nodeSolver.solve(program, { maxIterations: 100, start: null, simplex });
  expect(outcome).toMatchObject({ status: "optimal", x: Float64Array.of(3, 1), prices: Float64Array.of(2, 1) });
});

test("from the basis that it ended with there is nothing to do", () => {
  const { basis } = nodeSolver.solve(program, { maxIterations: 100, start: null, simplex: "primal" }) ?? {};
  const again = nodeSolver.solve(program, { maxIterations: 100, start: basis ?? null, simplex: "primal" });
  expect(again).toMatchObject({ status: "optimal", iterations: 0, x: Float64Array.of(3, 1) });
});

test("it stops at the limit of iterations", () => {
  const outcome = nodeSolver.solve(program, { maxIterations: 0, start: null, simplex: "primal" });
  expect(outcome?.status).toBe("stopped");
});

test("an instance that cannot be made is a null, and is tried anew the next time", () => {
  const silent = vi.spyOn(console, "error").mockImplementation(() => undefined);
  const load = vi.fn(() => {
    throw new Error("out of memory");
  });
  const solver = new HighsSolver(load);
  const options = { maxIterations: 100, start: null, simplex: "primal" } as const;
  expect([solver.solve(program, options), solver.solve(program, options)]).toEqual([null, null]);
  expect(load).toHaveBeenCalledTimes(2);
  silent.mockRestore();
});

test("nothing is loaded before it is asked", () => {
  const load = vi.fn();
  new HighsSolver(load);
  expect(load).not.toHaveBeenCalled();
});
