import { afterAll, beforeAll, expect, test } from "vitest";
import { INVARIANTS } from "./invariants/checks.ts";
import { Pool } from "./pool.ts";
import { FOUND, type Found } from "./seeds.ts";

/** The long run is `npm run sim`. The last is one of the few worlds that cut many nodes off at once. */
const SEEDS = [1, 3, 33];
const PATIENCE_MS = 300_000;
/** Short ones. */
const [ONE, ANOTHER] = [1, 4];

let pool: Pool;
beforeAll(async () => {
  pool = await Pool.open();
});
afterAll(() => pool.close());

const flagsOf = ({ seed, season }: Pick<Found, "seed" | "season">) =>
  `--seed ${seed}${season === undefined ? "" : ` --season ${season}`}`;

test(
  "leagues under faults break no invariant, each invariant is looked at, and rounds are optimised",
  async () => {
    const leagues: Pick<Found, "seed" | "season">[] = [
      ...SEEDS.map((seed) => ({ seed })),
      ...FOUND.filter(({ isLong }) => !isLong),
    ];
    const stories = await Promise.all(
      leagues.map(async (league) => ({
        flags: flagsOf(league),
        ...(await pool.story(league.seed, { season: league.season ?? null })),
      })),
    );
    const broken = stories.flatMap(({ flags, violation }) => (violation ? [`${flags}: ${violation.message}`] : []));
    expect(broken, "npm run sim -- --seed S [--season NAME] --trace").toEqual([]);
    expect(INVARIANTS.filter((name) => stories.every(({ checks }) => !checks[name]))).toEqual([]);
    expect(stories.some(({ optimisations }) => optimisations > 0)).toBe(true);
  },
  PATIENCE_MS,
);

test("a seed is a whole story: the same one every time, and another for another seed", async () => {
  const hashes = () => Promise.all([ONE, ANOTHER].map((seed) => pool.hash(seed)));
  const first = await hashes();
  expect(await hashes()).toEqual(first);
  expect(new Set(first).size).toBe(2);
}, 60_000);
