import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nodeSolver } from "../../../test/support/highs.ts";
import { OBJECTIVES } from "../../model/league.ts";
import { add, fits, type Resources } from "../../model/resources.ts";
import { isWithin } from "../../model/role.ts";
import type { Plan, RoundInput } from "../input.ts";
import { job, league, partition, running } from "../round.fixture.ts";
import { round } from "../round.ts";
import { boundOf, isWorthwhile, optimise, problemKey } from "./optimise.ts";

const planOf = (input: RoundInput): Plan => optimise(input, round(input), nodeSolver, null).plan;
const tasksIn = (plan: Plan, id: string, cluster: string): number => plan.get(id)?.get(`${cluster}/default`) ?? 0;

describe("what is aimed at", () => {
  const cheap = { price: 1, speed: 1 };
  const dear = { price: 5, speed: 2 };
  const where = [partition("cheap", { cpus: 4000 }, cheap), partition("dear", { cpus: 4000 }, dear)];
  const wants = (rest = {}) => [
    job("short", { cpus: 1000 }, 3, { role: "a", meanRunMs: 1_000, ...rest }),
    job("long", { cpus: 2000 }, 1, { role: "b", meanRunMs: 60_000, ...rest }),
  ];
  test("cost: what fits goes where it costs least", () => {
    const plan = planOf(league(where, wants(), {}, { objective: "cost" }));
    expect(tasksIn(plan, "short", "cheap") + 2 * tasksIn(plan, "long", "cheap")).toBe(4);
  });
  test("completion-time: what ends soonest goes where it runs fastest", () => {
    const plan = planOf(league(where, wants(), {}, { objective: "completion-time" }));
    expect(tasksIn(plan, "short", "dear")).toBe(3);
  });
  test("utilisation: a place that only some can use is left to them", () => {
    const picky = [
      job("any", { cpus: 1000 }, 4, { role: "a" }),
      job("picky", { cpus: 1000 }, 4, { role: "b", clusters: ["dear"] }),
    ];
    const plan = planOf(league(where, picky));
    expect([tasksIn(plan, "picky", "dear"), tasksIn(plan, "any", "cheap")]).toEqual([4, 4]);
  });
  test("balance: no partition is fuller than all can be", () => {
    const plan = planOf(
      league(where, [job("a", { cpus: 100 }, 20), job("b", { cpus: 200 }, 10)], {}, { objective: "balance" }),
    );
    const load = (cluster: string) => tasksIn(plan, "a", cluster) * 100 + tasksIn(plan, "b", cluster) * 200;
    expect(load("cheap") + load("dear")).toBe(4000);
    expect(Math.max(load("cheap"), load("dear"))).toBeLessThanOrEqual(2300);
  });
});

test("tasks of a class stay with the jobs that run there", () => {
  const input = league(
    [partition("north", { cpus: 2000 }), partition("south", { cpus: 2000 })],
    [
      job("old", { cpus: 1000 }, 2, { held: running({ south: 2 }) }),
      job("new", { cpus: 1000 }, 2, { held: running({ north: 2 }) }),
      job("other", { cpus: 500 }, 4, { role: "b" }),
    ],
  );
  const plan = planOf(input);
  expect(tasksIn(plan, "old", "north") + tasksIn(plan, "new", "south")).toBe(0);
});

test("is made anew when classes, roles or partitions are others, not when a task has ended", () => {
  const where = [partition("north", { cpus: 4000 })];
  const with_ = (n: number, roles = {}) =>
    league(where, [job("a", { cpus: 100 }, n), job("b", { cpus: 200 }, 9)], roles);
  expect(problemKey(with_(100))).toBe(problemKey(with_(99)));
  expect(problemKey(with_(100))).not.toBe(problemKey(with_(20)));
  expect(problemKey(with_(100))).not.toBe(problemKey(with_(100, { default: { weight: 2 } })));
  expect(isWorthwhile(with_(5))).toBe(true);
  expect(isWorthwhile(league(where, [job("a", { cpus: 100 }, 9), job("c", { cpus: 100 }, 9)]))).toBe(false);
});

const amount = fc.integer({ min: 1, max: 8 }).map((n) => n * 500);
const anyPartition = fc.record({
  cpus: amount,
  mem: amount,
  price: fc.integer({ min: 1, max: 5 }),
  speed: fc.constantFrom(0.5, 1, 2),
  owner: fc.constantFrom(null, "lab"),
  lendCpus: fc.option(amount),
});
const anyJob = fc.record({
  cpus: fc.constantFrom(250, 500, 1000),
  mem: fc.constantFrom(100, 400, 900),
  n: fc.integer({ min: 1, max: 20 }),
  role: fc.constantFrom("lab", "lab/ml", "web"),
});
const anyLeague = fc
  .record({
    partitions: fc.array(anyPartition, { minLength: 1, maxLength: 4 }),
    jobs: fc.array(anyJob, { minLength: 1, maxLength: 6 }),
    limit: fc.option(amount),
    objective: fc.constantFrom(...OBJECTIVES),
  })
  .map(({ partitions, jobs, limit, objective }) =>
    league(
      partitions.map(({ cpus, mem, price, speed, owner, lendCpus }, i) =>
        partition(
          `c${i}`,
          { cpus, mem },
          { price, speed, owner, lendable: owner && lendCpus ? { cpus: lendCpus } : {} },
        ),
      ),
      jobs.map(({ cpus, mem, n, role }, i) => job(`j${i}`, { cpus, mem }, n, { role })),
      limit ? { lab: { limit: { cpus: limit } } } : {},
      { objective },
    ),
  );

test("no plan goes beyond a partition, what is lent of it, a limit, or what a job has", () => {
  fc.assert(
    fc.property(anyLeague, (input) => {
      const plan = planOf(input);
      const usedBy = (counts: (role: string, key: string) => boolean): Resources =>
        input.jobs.reduce((sum: Resources, { id, role, demand }) => {
          const tasks = [...(plan.get(id) ?? [])].reduce((n, [key, units]) => n + (counts(role, key) ? units : 0), 0);
          return add(sum, demand, tasks);
        }, {});
      for (const { cluster, name, usable, owner, lendable } of input.partitions) {
        const here = `${cluster}/${name}`;
        expect(
          fits(
            usedBy((_, key) => key === here),
            usable,
          ),
        ).toBe(true);
        const borrowed = usedBy((role, key) => key === here && owner !== null && !isWithin(role, owner));
        if (lendable.cpus !== undefined) expect(borrowed.cpus ?? 0).toBeLessThanOrEqual(lendable.cpus);
      }
      const limit = input.roles.get("lab")?.limit.cpus;
      if (limit !== undefined) expect(usedBy((role) => isWithin(role, "lab")).cpus ?? 0).toBeLessThanOrEqual(limit);
      for (const { id, remaining } of input.jobs)
        expect([...(plan.get(id)?.values() ?? [])].reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(remaining);
    }),
  );
});

test("the bound holds, before a plan and with one, and prices only lower it", () => {
  fc.assert(
    fc.property(anyLeague, (input) => {
      const before = round(input);
      const { plan, warm } = optimise(input, before, nodeSolver, null);
      const guided = { ...input, plan };
      const after = round(guided);
      for (const [one, result, prices] of [
        [input, before, null],
        [input, before, warm],
        [guided, after, warm],
      ] as const) {
        const { value, bound } = boundOf(one, result, prices);
        expect(value).toBeLessThanOrEqual(bound);
        expect(value).toBeGreaterThanOrEqual(0);
      }
      expect(boundOf(input, before, warm).bound).toBeLessThanOrEqual(boundOf(input, before, null).bound + 1e-9);
    }),
  );
});
