/**
 * How the solver gets into a bundle. Its loader is asynchronous for the sake of browsers, but an object's turn is not,
 * and workerd has the WebAssembly compiled already: this makes the loader synchronous. What it changes are exact pieces
 * of the pinned version; another version fails the build until somebody has looked.
 */
import { copyFile, mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Plugin } from "esbuild";

const { resolve } = createRequire(import.meta.url);

export const HIGHS_WASM = resolve("highs/runtime");
const LOADER = join(HIGHS_WASM, "..", "highs.mjs");
/** What sources import; see src/platform/solverModules.d.ts. */
const SYNCHRONOUS = "highs/synchronous";
/** Beside the bundle, in all three runtimes. */
export const WASM_MODULE = "highs.wasm";

const CHANGES: readonly (readonly [from: string, to: string])[] = [
  ["async function Module(moduleArg={}){", "function Module(moduleArg={}){"],
  // It runs in workerd and Node alike, and reads no files.
  ['var ENVIRONMENT_IS_NODE=globalThis.process?.versions?.node&&globalThis.process?.type!="renderer";', ""],
  ['const{createRequire}=await import("node:module");var require=createRequire(import.meta.url)', ""],
  ["async function createWasm(){", "function createWasm(){"],
  [
    "return new Promise(resolve=>{instantiateWasm(info,inst=>resolve(receiveInstance(inst)))})",
    "return receiveInstance(instantiateWasm(info))",
  ],
  ["var result=await instantiateAsync(wasmBinary,wasmBinaryFile,info);", "var result={};"],
  ["async function run(){", "function run(){"],
  ["await resolveRunDependencies()", 'throw new Error("files are to be loaded")'],
  ["await new Promise(resolve=>setTimeout(resolve,1));", ""],
  ["wasmExports=await createWasm();await run();", "wasmExports=createWasm();run();"],
];

export function madeSynchronous(loader: string): string {
  const changed = CHANGES.reduce((text, [from, to]) => {
    if (text.split(from).length !== 2) throw new Error(`the solver's loader changed: "${from}" is not in it once`);
    return text.replace(from, () => to);
  }, loader);
  return changed.replaceAll("ENVIRONMENT_IS_NODE", "false");
}

export const synchronousLoader = async (): Promise<string> => madeSynchronous(await readFile(LOADER, "utf8"));

export const highsPlugin: Plugin = {
  name: "highs",
  setup(build) {
    build.onResolve({ filter: /^highs\/synchronous$/ }, () => ({ path: SYNCHRONOUS, namespace: "highs" }));
    build.onResolve({ filter: /^highs\/runtime$/ }, () => ({ path: `./${WASM_MODULE}`, external: true }));
    build.onLoad({ filter: /.*/, namespace: "highs" }, async () => ({ contents: await synchronousLoader() }));
  },
};

export async function copyWasm(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await copyFile(HIGHS_WASM, join(folder, WASM_MODULE));
}
