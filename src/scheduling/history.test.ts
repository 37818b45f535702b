import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Resources } from "../model/resources.ts";
import { accrue, enter, weighted } from "./history.ts";
import { job, league, partition, total } from "./round.fixture.ts";
import { round } from "./round.ts";

const HALF_LIFE_MS = 60_000;

describe("past use", () => {
  test("nears what is constantly in use, halfway after a half-life, and is forgotten alike", () => {
    const half = accrue({}, { cpus: 1000 }, HALF_LIFE_MS, HALF_LIFE_MS);
    expect(half.cpus).toBeCloseTo(500);
    expect(accrue(half, {}, HALF_LIFE_MS, HALF_LIFE_MS).cpus).toBeCloseTo(250);
    expect(weighted(accrue({}, { cpus: 1000 }, 20 * HALF_LIFE_MS, HALF_LIFE_MS), 1)).toEqual({ cpus: 1000 });
    expect(weighted(accrue({ cpus: 1000 }, {}, 20 * HALF_LIFE_MS, HALF_LIFE_MS), 1)).toEqual({});
  });

  test("is the same however the time is cut", () => {
    const cuts = fc.array(fc.integer({ min: 0, max: 200_000 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(cuts, fc.nat(100_000), fc.nat(100_000), (parts, before, usage) => {
        const whole = accrue(
          { cpus: before },
          { cpus: usage },
          parts.reduce((a, b) => a + b, 0),
          HALF_LIFE_MS,
        );
        const cut = parts.reduce((past: Resources, ms) => accrue(past, { cpus: usage }, ms, HALF_LIFE_MS), {
          cpus: before,
        });
        expect(cut.cpus).toBeCloseTo(whole.cpus ?? 0, 4);
      }),
    );
  });

  test("a hand-out counts at once as if it had run for the penalty", () => {
    const entered = enter({}, { cpus: 100 }, 3, 10_000, HALF_LIFE_MS);
    expect(entered.cpus).toBeCloseTo(accrue({}, { cpus: 300 }, 10_000, HALF_LIFE_MS).cpus ?? 0);
    expect(enter({}, { cpus: 100 }, 3, 0, HALF_LIFE_MS)).toEqual({ cpus: 0 });
  });

  test("without a half-life only what is in use counts", () => {
    expect(accrue({ cpus: 500 }, { cpus: 100 }, 1, 0)).toEqual({ cpus: 100 });
  });
});

describe("tasks of a second, in use looked at every ten", () => {
  const SECOND = 1_000;
  const SAMPLE_S = 10;
  const CPUS = 40;

  /** Mean cpus of two roles that both always want all: one has nothing running whenever anyone looks. */
  function meanUse(penaltyMs: number, seconds = 1_200): { steady: number; burst: number } {
    const past: Record<string, Resources> = { steady: {}, burst: {} };
    const used: Record<string, number> = { steady: 0, burst: 0 };
    for (let s = 0; s < seconds; s++) {
      const isLookedAt = s % SAMPLE_S === SAMPLE_S - 1;
      const jobs = ["burst", "steady"].map((role) =>
        job(role, { cpus: 1000 }, role === "burst" && isLookedAt ? 0 : CPUS, { role }),
      );
      const history = new Map(Object.entries(past).map(([role, use]) => [role, weighted(use, 0.25)]));
      const { limits } = round(league([partition("all", { cpus: CPUS * 1000 })], jobs, {}, { history }));
      for (const role of ["burst", "steady"]) {
        const tasks = total(limits, role);
        used[role] = (used[role] ?? 0) + tasks;
        past[role] = enter(past[role] ?? {}, { cpus: 1000 }, tasks, penaltyMs, HALF_LIFE_MS);
        if (isLookedAt) past[role] = accrue(past[role] ?? {}, { cpus: tasks * 1000 }, SAMPLE_S * SECOND, HALF_LIFE_MS);
      }
    }
    return { steady: (used.steady ?? 0) / seconds, burst: (used.burst ?? 0) / seconds };
  }

  test("get more than their share if they never count", () => {
    expect(meanUse(0).burst).toBeGreaterThan((CPUS / 2) * 1.1);
  });

  test("get no more than their share with the entry penalty", () => {
    // But for a sample that saw the other one alone.
    expect(meanUse(10_000).burst).toBeLessThan((CPUS / 2) * 1.05);
    expect(meanUse(30_000).burst).toBeLessThan((CPUS / 2) * 1.02);
  });
});
