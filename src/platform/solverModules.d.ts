/** The solver's parts as scripts/highs.ts puts them into a bundle. */

declare module "highs/synchronous" {
  import type { Highs } from "highs";
  /** A new instance with a linear memory of its own. */
  export default function loadHighs(options: {
    instantiateWasm(imports: WebAssembly.Imports): WebAssembly.Instance;
  }): Highs;
}

declare module "highs/runtime" {
  const compiled: WebAssembly.Module;
  export default compiled;
}
