import { afterAll, beforeAll, expect, test } from "vitest";
import { INVARIANTS } from "./invariants/checks.ts";
import { Pool } from "./pool.ts";
import { FOUND } from "./seeds.ts";

/** The long run is `npm run sim`. */
const SEEDS = 40;
const PATIENCE_MS = 240_000;

let pool: Pool;
beforeAll(async () => {
  pool = await Pool.open();
});
afterAll(() => pool.close());

test(
  `${SEEDS} seeds of faults break no invariant, each invariant is looked at, and rounds are optimised`,
  async () => {
    const seeds = [...Array.from({ length: SEEDS }, (_, i) => i + 1), ...FOUND.map(({ seed }) => seed)];
    const stories = await Promise.all(seeds.map((seed) => pool.story(seed)));
    const broken = stories.flatMap(({ seed, violation }) =>
      violation ? [`--seed ${seed}: ${violation.message}`] : [],
    );
    expect(broken, "npm run sim -- --seed S --trace").toEqual([]);
    expect(INVARIANTS.filter((name) => stories.every(({ checks }) => !checks[name]))).toEqual([]);
    expect(stories.some(({ optimisations }) => optimisations > 0)).toBe(true);
  },
  PATIENCE_MS,
);

test("a seed is a whole story: the same one every time, and another for another seed", async () => {
  const hashes = () => Promise.all([11, 12, 13].map((seed) => pool.hash(seed)));
  const first = await hashes();
  expect(await hashes()).toEqual(first);
  expect(new Set(first).size).toBe(3);
}, 60_000);
