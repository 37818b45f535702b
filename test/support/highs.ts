/** The solver in Node, for the simulator and unit tests: the same loader, its WebAssembly from node_modules. */
import { readFileSync } from "node:fs";
import type { Highs } from "highs";
import { HIGHS_WASM, synchronousLoader } from "../../scripts/highs.ts";
import { HighsSolver } from "../../src/platform/highsSolver.ts";

type Load = (options: { instantiateWasm(imports: WebAssembly.Imports): WebAssembly.Instance }) => Highs;

const source = `data:text/javascript,${encodeURIComponent(await synchronousLoader())}`;
const { default: loadHighs }: { default: Load } = await import(source);

let compiled: WebAssembly.Module | null = null;

export const nodeSolver = new HighsSolver(() => {
  compiled ??= new WebAssembly.Module(readFileSync(HIGHS_WASM));
  const module = compiled;
  return loadHighs({ instantiateWasm: (imports) => new WebAssembly.Instance(module, imports) });
});
