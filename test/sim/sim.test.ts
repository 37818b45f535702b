import { expect, test } from "vitest";
import { INVARIANTS } from "./checks.ts";
import { MUTATIONS, tryMutation } from "./mutations.ts";
import { runSeed, traceHash } from "./run.ts";

const SEEDS = 500;
const SEEDS_TO_CATCH = 400;
const PATIENCE_MS = 240_000;

test(
  `${SEEDS} seeds of faults break no invariant, and each invariant is looked at`,
  () => {
    const looks = new Map<string, number>();
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { violation, checks } = runSeed(seed);
      expect(violation, `npm run sim -- --seed ${seed} --trace`).toBeNull();
      for (const [invariant, n] of checks) looks.set(invariant, (looks.get(invariant) ?? 0) + n);
    }
    expect(INVARIANTS.filter((name) => !looks.get(name))).toEqual([]);
  },
  PATIENCE_MS,
);

test.each(Object.keys(MUTATIONS))(
  "without the %s something breaks, and it is noticed",
  (rule) => {
    expect(tryMutation(rule, 1, SEEDS_TO_CATCH)).toMatchObject({ caught: true });
  },
  PATIENCE_MS,
);

test("a seed is a whole story: the same one every time, and another for another seed", () => {
  const first = [11, 12, 13].map(traceHash);
  expect([11, 12, 13].map(traceHash)).toEqual(first);
  expect(new Set(first).size).toBe(3);
});
