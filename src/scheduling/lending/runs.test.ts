import { expect, test } from "vitest";
import { meanRunMs, withEnd } from "./runs.ts";
import type { Attempt } from "./view.ts";

const attempt = (owner: string, startedAtMs: number): Attempt => ({
  gang: { id: 0, owner, size: 1, queuedAtMs: 0 },
  startedAtMs,
});

test("an owner that has shown nothing is expected to run as all do", () => {
  const runs = withEnd(new Map(), attempt("north", 0), 1000);
  expect(meanRunMs(runs, [], 1000)("south")).toBe(1000);
});

test("what still runs counts with the time it has run, and as no end", () => {
  const runs = withEnd(withEnd(new Map(), attempt("north", 0), 1000), attempt("south", 0), 1000);
  const meanMs = meanRunMs(runs, [attempt("south", 0)], 22_000);
  // all: 24 s over 2 ends; north: 1 s and ten of these over 11, south: 23 s and ten of these over 11
  expect(meanMs("north")).toBeCloseTo((1000 + 10 * 12_000) / 11);
  expect(meanMs("south")).toBeCloseTo((23_000 + 10 * 12_000) / 11);
});
