/** The Worker that `bench:round` measures: the solver and the assignment as the broker has them, and a clock around. */
import { newSolver } from "../src/platform/highs.ts";
import type { HighsSolver } from "../src/platform/highsSolver.ts";
import { assign } from "../src/scheduling/assign/assign.ts";
import type { AssignWarm } from "../src/scheduling/assign/warm.ts";
import { problemSchema } from "./roundInstance.ts";

let kept: { solver: HighsSolver; warm: AssignWarm } | null = null;

export default {
  /** The body is a problem; `?start=cold` forgets what was kept of the last one. */
  async fetch(request: Request): Promise<Response> {
    const problem = problemSchema.parse(await request.json());
    if (new URL(request.url).searchParams.get("start") === "cold") kept = null;
    const startedAtMs = performance.now();
    const solver = kept?.solver ?? newSolver();
    const { warm, ...answer } = assign(problem, solver, kept?.warm ?? null);
    const ms = performance.now() - startedAtMs;
    kept = { solver, warm };
    return Response.json({ ms, solverBytes: solver.peakBytes, ...answer });
  },
};
