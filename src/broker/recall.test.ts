import fc from "fast-check";
import { expect, test } from "vitest";
import { jobSpecSchema, templateOf } from "../model/job.ts";
import { lacks, type MayRun, recallsOf } from "./recall.ts";
import { type JobMemory, jobMemory } from "./state.ts";
import type { GrantRow } from "./store.ts";
import { NOTHING, supplySize } from "./supply.ts";

interface There {
  held: number;
  live: number;
  mayRun: number;
}

/** @param unit tasks of a gang; 1: none. Counts are of these */
function league(clusters: readonly There[], unit: number): { job: JobMemory; mayRun: MayRun; names: string[] } {
  const spec = { command: "true", count: 1_000 * unit, ...(unit > 1 && { gang: { size: unit } }) };
  const grants = clusters.map(({ held, live }, i): GrantRow => {
    const from = i * 100 * unit;
    const supply = [{ from, to: from + held * unit, handout: 1, attemptsUsed: 0, incarnation: 1 }];
    const counts = { job: "j", genApplied: 1, done: [], failed: [], cancelled: [], returned: [], waiting: 0 };
    const rest = { reason: null, ranMs: 0, ran: 0, lastFailure: null };
    const reported = { ...counts, ...rest, live: { default: Math.min(held, live) * unit } };
    const level = { action: "run" as const, limits: {}, claim: null, yields: null, barredIn: {} };
    return { job: "j", cluster: `c${i}`, gen: 1, incarnation: 1, rev: 1, ...level, supply, reported };
  });
  const job = jobMemory(
    {
      id: "j",
      ordinal: 1,
      digest: "d",
      count: spec.count,
      template: templateOf(jobSpecSchema.parse(spec)),
      clusters: null,
      hasItems: false,
      state: "running",
      queue: [],
      nextHandout: 2,
      banked: NOTHING,
      createdAt: 0,
      endedAt: null,
    },
    grants,
  );
  const names = grants.map(({ cluster }) => cluster);
  return { job, names, mayRun: (name) => (clusters[names.indexOf(name)]?.mayRun ?? 0) * unit };
}

const count = fc.integer({ min: 0, max: 20 });
const leagues = fc.record({
  clusters: fc.array(fc.record({ held: count, live: count, mayRun: count }), { minLength: 1, maxLength: 6 }),
  unit: fc.integer({ min: 1, max: 3 }),
});
const sum = (counts: Iterable<number>): number => [...counts].reduce((n, one) => n + one, 0);

test("no more is recalled than is lacking, none that runs or may run, and as much as there is of both", () => {
  fc.assert(
    fc.property(leagues, ({ clusters, unit }) => {
      const { job, mayRun, names } = league(clusters, unit);
      const lacking = sum(names.map((name) => lacks(job, name, mayRun)));
      const recalls = recallsOf(job, lacking, mayRun);
      for (const [i, { held, live, mayRun }] of clusters.entries()) {
        const kept = held * unit - (recalls.get(`c${i}`) ?? 0);
        expect(kept).toBeGreaterThanOrEqual(Math.min(held, Math.max(live, mayRun)) * unit);
        expect(kept % unit).toBe(0);
      }
      const beyond = sum(clusters.map(({ held, live, mayRun }) => Math.max(0, held - Math.max(live, mayRun)) * unit));
      expect(sum(recalls.values())).toBe(Math.min(lacking, beyond));
    }),
  );
});

test("what came back and went where it lacked is not recalled again", () => {
  fc.assert(
    fc.property(leagues, ({ clusters, unit }) => {
      const first = league(clusters, unit);
      const lacking = sum(first.names.map((name) => lacks(first.job, name, first.mayRun)));
      const recalls = recallsOf(first.job, lacking, first.mayRun);
      let queue = sum(recalls.values());
      const after = clusters.map((there, i) => {
        const drawn = Math.min(queue, lacks(first.job, `c${i}`, first.mayRun));
        queue -= drawn;
        return { ...there, held: there.held + (drawn - (recalls.get(`c${i}`) ?? 0)) / unit };
      });
      expect(queue).toBe(0);
      const { job, names, mayRun } = league(after, unit);
      expect(sum([...job.grants.values()].map(({ supply }) => supplySize(supply)))).toBe(
        sum(clusters.map(({ held }) => held)) * unit,
      );
      expect(recallsOf(job, sum(names.map((name) => lacks(job, name, mayRun))), mayRun)).toEqual(new Map());
    }),
  );
});
