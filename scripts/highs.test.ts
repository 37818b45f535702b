import { expect, it } from "vitest";
import { madeSynchronous, synchronousLoader } from "./highs.ts";

it("leaves the installed loader with nothing to wait for on its way, and nothing of Node's", async () => {
  const loader = await synchronousLoader();
  expect(loader.startsWith("function Module(")).toBe(true);
  expect(loader).not.toContain("wasmExports=await");
  expect(loader).not.toContain("ENVIRONMENT_IS_NODE");
});

it("refuses a loader of another version", () => {
  expect(() => madeSynchronous("async function Module(options={}){}")).toThrow("the solver's loader changed");
});
