import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DEFAULT_LENDING } from "../../src/scheduling/lending/lend.ts";
import { baselines } from "./baselines.ts";
import { hansa, type LendingPolicy } from "./policy.ts";
import { quotasOf } from "./quotas.ts";
import { RuleBroken, simulate } from "./simulate.ts";
import { summaryOf } from "./summary.ts";
import type { TraceJob } from "./trace.ts";

const HOUR_MS = 3_600_000;
const jobsOf = (...rows: [owner: string, atH: number, size: number, hours: number][]): TraceJob[] =>
  rows.map(([owner, atH, size, hours], id) => ({
    id,
    owner,
    size,
    queuedAtMs: atH * HOUR_MS,
    durationMs: hours * HOUR_MS,
  }));

/** north has the league full for 10 h when south comes for its own */
const JOBS = jobsOf(["north", 0, 2, 10], ["north", 0, 2, 10], ["south", 5, 2, 1]);
const QUOTAS = new Map([
  ["north", 2],
  ["south", 2],
]);
const waitsH = (policy: LendingPolicy) => simulate(JOBS, QUOTAS, policy).waitsMs.map((ms) => ms / HOUR_MS);

test("static shares make an owner wait for itself, though others are idle", () => {
  expect(waitsH(baselines.static())).toEqual([0, 10, 0]);
});

test("lending without taking back makes the lender wait for the borrower", () => {
  expect(waitsH(baselines.borrow())).toEqual([0, 0, 5]);
});

test("a borrower that is stopped starts over, and what it lost counts as waiting", () => {
  const run = simulate(JOBS, QUOTAS, baselines.youngest());
  // stopped at 5 h, starts again at 6 h when south's job ends
  expect(run.waitsMs.map((ms) => ms / HOUR_MS)).toEqual([0, 6, 0]);
  expect(summaryOf(run, JOBS, 4)).toEqual({
    mean_wait_h: 2,
    p50_wait_h: 0,
    p95_wait_h: 6,
    kills: 1,
    lost_gpu_days: 0.417,
    makespan_d: 0.667,
    utilisation_pct: 65.625,
  });
});

test("Hansa's lender waits for no longer than grace", () => {
  expect(waitsH(hansa({ ...DEFAULT_LENDING, graceMs: HOUR_MS }))[2]).toBe(1);
});

describe("a policy is not trusted", () => {
  const [first] = JOBS;
  const once = (decision: Partial<ReturnType<LendingPolicy["decide"]>>): LendingPolicy => ({
    decide: ({ nowMs }) => ({ start: [], stop: [], againAtMs: null, ...(nowMs === 0 && decision) }),
  });
  const startsAll: LendingPolicy = {
    decide: ({ lines }) => ({ start: lines.flatMap(({ waiting }) => waiting), stop: [], againAtMs: null }),
  };
  test.each([
    ["starts more than there is", startsAll],
    ["starts what does not wait", once({ start: [JOBS[2] as TraceJob] })],
    ["stops what does not run", once({ stop: [{ gang: first as TraceJob, startedAtMs: 0 }] })],
    ["never starts anything", once({})],
    ["asks for no time to pass", once({ againAtMs: 0 })],
  ])("one that %s is refused", (_, policy) => {
    expect(() => simulate(JOBS, QUOTAS, policy)).toThrow(RuleBroken);
  });
});

const anyJobs = fc
  .array(
    fc.record({
      owner: fc.constantFrom("north", "south", "west"),
      atS: fc.nat(200_000),
      size: fc.integer({ min: 1, max: 8 }),
      durationS: fc.nat(100_000),
    }),
    { minLength: 1, maxLength: 60 },
  )
  .map((rows) =>
    rows
      .sort((a, b) => a.atS - b.atS)
      .map(
        ({ owner, atS, size, durationS }, id): TraceJob => ({
          id,
          owner,
          size,
          queuedAtMs: atS * 1000,
          durationMs: durationS * 1000,
        }),
      ),
  );

test("every job ends, the owners' own comes back in time, and nothing is left to chance, whatever comes", () => {
  const times = fc.nat(20_000_000);
  fc.assert(
    fc.property(anyJobs, fc.nat(10), times, times, (jobs, more, graceMs, minRunMs) => {
      const quotas = quotasOf(jobs, 24 + more);
      const settings = { ...DEFAULT_LENDING, graceMs, minRunMs, patienceMs: 50_000_000 };
      const run = simulate(jobs, quotas, hansa(settings));
      expect(run.longestOwedMs).toBeLessThanOrEqual(Math.max(graceMs, minRunMs));
      expect(simulate(jobs, quotas, hansa(settings))).toEqual(run);
    }),
    { numRuns: 200 },
  );
});
