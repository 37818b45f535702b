import { expect, test } from "vitest";
import { INVARIANTS } from "./invariants/checks.ts";
import { runSeed, traceHash } from "./run.ts";

const SEEDS = 300;
const PATIENCE_MS = 600_000;

test(
  `${SEEDS} seeds of faults break no invariant, each invariant is looked at, and rounds are optimised`,
  () => {
    const looks = new Map<string, number>();
    let optimised = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { violation, checks, optimisations } = runSeed(seed);
      expect(violation, `npm run sim -- --seed ${seed} --trace`).toBeNull();
      optimised += optimisations;
      for (const [invariant, n] of checks) looks.set(invariant, (looks.get(invariant) ?? 0) + n);
    }
    expect(INVARIANTS.filter((name) => !looks.get(name))).toEqual([]);
    expect(optimised).toBeGreaterThan(0);
  },
  PATIENCE_MS,
);

test("a seed is a whole story: the same one every time, and another for another seed", () => {
  const first = [11, 12, 13].map(traceHash);
  expect([11, 12, 13].map(traceHash)).toEqual(first);
  expect(new Set(first).size).toBe(3);
});
