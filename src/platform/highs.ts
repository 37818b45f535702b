/** The solver as workerd has it: compiled with the Worker, instantiated when it is first asked. */
import wasm from "highs/runtime";
import loadHighs from "highs/synchronous";
import type { LpSolver } from "../scheduling/assign/lp.ts";
import { HighsSolver } from "./highsSolver.ts";

export const newSolver = (): HighsSolver =>
  new HighsSolver(() => loadHighs({ instantiateWasm: (imports) => new WebAssembly.Instance(wasm, imports) }));

/** One for all objects of the isolate: its memory is the isolate's. */
export const solver: LpSolver = newSolver();
