/** What holds of every round, whatever the league. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Resources } from "../model/resources.ts";
import { bounded, broken, type Count, countsIn } from "./bounds.fixture.ts";
import type { RoundInput, RoundJob, RoundPartition } from "./input.ts";
import { anyLeague } from "./leagues.fixture.ts";
import { job, total } from "./round.fixture.ts";
import { round } from "./round.ts";
import { keyOf } from "./slots.ts";

const RUNS = { numRuns: Number(process.env.HANSA_RUNS ?? 150) };
const charged: Count = (one, where) => one.held.get(keyOf(where))?.charged ?? 0;
/** Limits, and what still runs beyond them. */
const granted =
  (limit: Count): Count =>
  (one, where) =>
    Math.max(limit(one, where), charged(one, where));
const plusOne =
  (count: Count, more: RoundJob, there: RoundPartition): Count =>
  (one, where) =>
    count(one, where) + (one === more && where === there ? 1 : 0);

/** The same league of so many times everything, but for what a task needs. */
function magnified(input: RoundInput, n: number): RoundInput {
  const more = (amounts: Resources): Resources =>
    Object.fromEntries(Object.entries(amounts).map(([name, amount]) => [name, amount * n]));
  return {
    ...input,
    partitions: input.partitions.map((one) => ({
      ...one,
      usable: more(one.usable),
      lendable: more(one.lendable),
      shapes: one.shapes.map((shape) => ({ ...shape, capacity: more(shape.capacity) })),
    })),
    roles: new Map(
      [...input.roles].map(([role, { weight, guarantee, limit, lend, borrow }]) => [
        role,
        { weight, guarantee: more(guarantee), limit: more(limit), lend: more(lend), borrow: more(borrow) },
      ]),
    ),
    jobs: input.jobs.map((one) => ({
      ...one,
      remaining: one.remaining * n,
      held: new Map([...one.held].map(([key, { charged: tasks, barred }]) => [key, { charged: tasks * n, barred }])),
    })),
  };
}

/** Whatever is idle may be used: no role keeps any of its guarantee back. */
const lendingAll = (leagues: fc.Arbitrary<RoundInput>): fc.Arbitrary<RoundInput> =>
  leagues.map((input) => ({
    ...input,
    roles: new Map([...input.roles].map(([role, policy]) => [role, { ...policy, lend: {} }])),
  }));

describe("every round", () => {
  test("entitles to nothing beyond capacity, slots, limits, and what is lent and borrowed", () => {
    fc.assert(
      fc.property(anyLeague(), (input) => {
        expect(broken(input, countsIn(round(input).entitled))).toEqual([]);
      }),
      RUNS,
    );
  });

  test("keeps back what roles do not lend of their guarantees", () => {
    fc.assert(
      fc.property(anyLeague({ roles: ["a", "b", "c"], owners: [null] }), (input) => {
        expect(broken(input, countsIn(round(input).entitled))).toEqual([]);
      }),
      RUNS,
    );
  });

  test("raises limits only into what is free beside what runs, and within all bounds", () => {
    fc.assert(
      fc.property(anyLeague(), (input) => {
        const limit = countsIn(round(input).limits);
        const runs = bounded(input, charged);
        // What runs already may exceed a bound that was lowered; nothing is added to that.
        const over = bounded(input, granted(limit)).filter(
          ({ used, most }, i) => used > most && used > (runs[i]?.used ?? 0),
        );
        expect(over).toEqual([]);
        for (const one of input.jobs) {
          const limits = input.partitions.reduce((n, where) => n + limit(one, where), 0);
          expect(limits).toBeLessThanOrEqual(one.remaining);
        }
      }),
      RUNS,
    );
  });

  test("grants what it entitles to where nothing runs yet", () => {
    fc.assert(
      fc.property(anyLeague({ isIdle: true }), (input) => {
        const { limits, entitled } = round(input);
        expect(limits).toEqual(entitled);
        // Also when it is asked to admit beside a job that has nothing to do any more.
        const idle = job("idle", { cpus: 1 }, 0, { held: new Map([["gone/default", { charged: 1, barred: false }]]) });
        const beside = round({ ...input, jobs: [...input.jobs, idle] });
        if (input.roles.size === 0) expect([...beside.limits].slice(0, -1)).toEqual([...beside.entitled].slice(0, -1));
      }),
      RUNS,
    );
  });

  test("leaves no room unused that someone wants and may have", () => {
    fc.assert(
      fc.property(lendingAll(anyLeague()), (input) => {
        const result = round(input);
        const entitled = countsIn(result.entitled);
        for (const one of input.jobs)
          for (const where of input.partitions) expect(broken(input, plusOne(entitled, one, where))).not.toEqual([]);
      }),
      RUNS,
    );
  });

  test("lets nobody wait while there is room that it may have, but for what is kept for a larger task", () => {
    fc.assert(
      fc.property(lendingAll(anyLeague()), (input) => {
        const { limits, entitled } = round(input);
        const runs = bounded(input, charged);
        const now = granted(countsIn(limits));
        const has = (one: RoundJob) =>
          input.partitions.reduce((n, where) => n + now(one, where), one.held.get("gone/default")?.charged ?? 0);
        const short = input.jobs.filter((one) => has(one) < Math.min(one.remaining, total(entitled, one.id)));
        const isAwaited = (where: RoundPartition) =>
          short.some((one) => countsIn(entitled)(one, where) > now(one, where));
        for (const one of input.jobs.filter((job) => has(job) < job.remaining)) {
          for (const where of input.partitions.filter((partition) => !isAwaited(partition))) {
            const over = bounded(input, plusOne(now, one, where)).filter(
              ({ used, most }, i) => used > most && used > (runs[i]?.used ?? 0),
            );
            expect(over).not.toEqual([]);
          }
        }
      }),
      RUNS,
    );
  });

  /** Later: what ran beyond its limit has ended, what was granted runs. */
  const later = (input: RoundInput, { limits }: ReturnType<typeof round>): RoundInput => ({
    ...input,
    jobs: input.jobs.map((one) => {
      const held = new Map([...one.held].map(([key, { barred }]) => [key, { charged: 0, barred }]));
      for (const [key, charged] of limits.get(one.id) ?? [])
        held.set(key, { barred: false, ...held.get(key), charged });
      return { ...one, held };
    }),
  });

  test("goes on as it is once all that was granted runs", () => {
    fc.assert(
      fc.property(anyLeague({ isIdle: true }), (input) => {
        const first = round(input);
        expect(round(later(input, first)).limits).toEqual(first.limits);
      }),
      RUNS,
    );
  });

  test("gives everyone what is fair as tasks end, whatever ran before", () => {
    fc.assert(
      fc.property(anyLeague(), (start) => {
        let input = start;
        for (let n = 0; n < 15; n++) input = later(input, round(input));
        const { limits, entitled } = round(input);
        for (const { id } of input.jobs) expect(total(limits, id)).toBeGreaterThanOrEqual(total(entitled, id));
      }),
      RUNS,
    );
  });

  test("stays as it is where nothing starts or ends: nothing is given and taken back in turns", () => {
    fc.assert(
      fc.property(anyLeague(), (start) => {
        /** What runs, and what was granted just now. */
        const told = (result: ReturnType<typeof round>): RoundInput => ({
          ...start,
          jobs: start.jobs.map((one) => {
            const held = new Map(one.held);
            for (const [key, limit] of result.limits.get(one.id) ?? []) {
              const before = held.get(key) ?? { charged: 0, barred: false };
              held.set(key, { ...before, charged: Math.max(before.charged, limit) });
            }
            return { ...one, held };
          }),
        });
        let result = round(start);
        for (let n = 0; n < 4; n++) result = round(told(result));
        expect(round(told(result)).limits).toEqual(result.limits);
      }),
      RUNS,
    );
  });

  test("says why of every job", () => {
    fc.assert(
      fc.property(anyLeague(), (input) => {
        const { stops, entitled, contended } = round(input);
        for (const one of input.jobs) {
          const stop = stops.get(one.id);
          expect(stop?.kind === "satisfied").toBe(total(entitled, one.id) === one.remaining);
        }
        expect(contended).toBe([...stops.values()].some(({ kind }) => ["share", "space", "lend-limit"].includes(kind)));
      }),
      RUNS,
    );
  });

  test("holds to the same where many tasks are given at once", () => {
    fc.assert(
      fc.property(
        anyLeague().map((input) => magnified(input, 997)),
        (input) => {
          const { entitled, limits } = round(input);
          expect(broken(input, countsIn(entitled))).toEqual([]);
          const runs = bounded(input, charged);
          const over = bounded(input, granted(countsIn(limits))).filter(
            ({ used, most }, i) => used > most && used > (runs[i]?.used ?? 0),
          );
          expect(over).toEqual([]);
          if ([...input.roles.values()].some(({ lend }) => Object.keys(lend).length > 0)) return;
          for (const one of input.jobs)
            for (const where of input.partitions)
              expect(broken(input, plusOne(countsIn(entitled), one, where))).not.toEqual([]);
        },
      ),
      { numRuns: 40 },
    );
  });

  test("is the same for the same input, in whatever order partitions, roles and what runs are told", () => {
    const reversed = <K, V>(map: ReadonlyMap<K, V>) => new Map([...map].reverse());
    fc.assert(
      fc.property(anyLeague(), (input) => {
        const other: RoundInput = {
          ...input,
          partitions: [...input.partitions].reverse(),
          roles: reversed(input.roles),
          history: reversed(input.history),
          plan: input.plan && reversed(input.plan),
          jobs: input.jobs.map((one) => ({ ...one, held: reversed(one.held) })),
        };
        expect(round(input)).toEqual(round(input));
        expect(round(other)).toEqual(round(input));
      }),
      RUNS,
    );
  });
});
