/** The Worker that `bench:round` measures: the solver and the assignment as the broker has them, and a clock around. */
import { newSolver } from "../src/platform/highs.ts";
import type { HighsSolver } from "../src/platform/highsSolver.ts";
import { assign } from "../src/scheduling/assign/assign.ts";
import type { AssignProblem } from "../src/scheduling/assign/problem.ts";
import type { AssignWarm } from "../src/scheduling/assign/warm.ts";
import { disturbed, readInstance } from "./roundInstance.ts";

let instance: AssignProblem | null = null;
let kept: { solver: HighsSolver; warm: AssignWarm } | null = null;

/** Milliseconds and what was decided; `kept` is what the next one may start from. */
function measure(problem: AssignProblem) {
  const startedAtMs = performance.now();
  const solver = kept?.solver ?? newSolver();
  const { warm, ...answer } = assign(problem, solver, kept?.warm ?? null);
  const ms = performance.now() - startedAtMs;
  kept = { solver, warm };
  return { ms, solverBytes: solver.peakBytes, ...answer };
}

export default {
  /**
   * `PUT` brings the instance. `POST ?start=cold` forgets what was kept of the last solve, `?start=warm&seed=N` solves
   * the instance as that seed disturbs it.
   */
  async fetch(request: Request): Promise<Response> {
    if (request.method === "PUT") {
      instance = readInstance(await request.text());
      return new Response(null, { status: 204 });
    }
    const { searchParams } = new URL(request.url);
    if (instance === null) return new Response("no instance", { status: 409 });
    if (searchParams.get("start") === "warm")
      return Response.json(measure(disturbed(instance, Number(searchParams.get("seed")))));
    kept = null;
    return Response.json(measure(instance));
  },
};
