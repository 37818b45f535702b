/**
 * What dominant resource fairness promises (Ghodsi et al., NSDI'11 §3), and what guarantees and owners do. Tasks are
 * whole, so the paper's properties hold up to one task.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { add, dominantShare, type Resources, subtract, timesFits } from "../model/resources.ts";
import { isWithin, lineage } from "../model/role.ts";
import type { RoundJob } from "./input.ts";
import { job, league, partition, total } from "./round.fixture.ts";
import { round } from "./round.ts";

const RUNS = { numRuns: Number(process.env.HANSA_RUNS ?? 150) };
const anyCapacity = fc.record({ cpus: fc.integer({ min: 50, max: 200 }), mem: fc.integer({ min: 50, max: 200 }) });
const anyDemand = fc.record({ cpus: fc.integer({ min: 1, max: 9 }), mem: fc.integer({ min: 1, max: 9 }) });
const anyDemands = fc.array(anyDemand, { minLength: 2, maxLength: 5 });
/** More tasks than any of them can be given. */
const ENDLESS = 400;

/** Every user a role with one job, of one partition. @returns tasks of each */
function share(
  capacity: Resources,
  demands: readonly Resources[],
  remaining: readonly number[] | number = ENDLESS,
): number[] {
  const jobs = demands.map((demand, i) =>
    job(`j${i}`, demand, typeof remaining === "number" ? remaining : (remaining[i] ?? ENDLESS), { role: `r${i}` }),
  );
  const { entitled } = round(league([partition("all", capacity)], jobs));
  return jobs.map(({ id }) => total(entitled, id));
}

const scaled = (demand: Resources, n: number): Resources =>
  Object.fromEntries(Object.entries(demand).map(([name, amount]) => [name, amount * n]));
const freeOf = (capacity: Resources, demands: readonly Resources[], tasks: readonly number[]): Resources =>
  demands.reduce((free, demand, i) => subtract(free, scaled(demand, tasks[i] ?? 0)), capacity);

describe("dominant resource fairness", () => {
  test("sharing incentive: nobody has less than an equal part of everything would hold, but for one task", () => {
    fc.assert(
      fc.property(anyCapacity, anyDemands, (capacity, demands) => {
        const tasks = share(capacity, demands);
        // A user stops short of its part only by what the largest task of any is.
        const largest = Math.max(...demands.map((demand) => dominantShare(demand, capacity)));
        for (const [i, demand] of demands.entries()) {
          const has = dominantShare(scaled(demand, tasks[i] ?? 0), capacity);
          expect(has).toBeGreaterThan(1 / demands.length - largest - 1e-9);
        }
      }),
      RUNS,
    );
  });

  test("envy-freeness: nobody would run more tasks on what another has less its last task, but for one", () => {
    fc.assert(
      fc.property(anyCapacity, anyDemands, (capacity, demands) => {
        const tasks = share(capacity, demands);
        for (const [i, mine] of demands.entries()) {
          for (const [other, theirs] of demands.entries()) {
            const has = scaled(theirs, Math.max(0, (tasks[other] ?? 0) - 1));
            if (other !== i) expect(timesFits(mine, has)).toBeLessThanOrEqual((tasks[i] ?? 0) + 1);
          }
        }
      }),
      RUNS,
    );
  });

  test("Pareto efficiency: nobody who wants more could have it without another having less", () => {
    fc.assert(
      fc.property(anyCapacity, anyDemands, fc.array(fc.nat(60)), (capacity, demands, remaining) => {
        const tasks = share(capacity, demands, remaining);
        const free = freeOf(capacity, demands, tasks);
        for (const [i, demand] of demands.entries())
          if ((tasks[i] ?? 0) < (remaining[i] ?? ENDLESS)) expect(timesFits(demand, free)).toBe(0);
      }),
      RUNS,
    );
  });

  // With whole tasks no rule is strategy-proof and all of the above (Parkes, Procaccia and Shah, EC'12): what is left
  // when hardly anybody's next task fits goes to whose happens to.
  test("strategy-proofness: who asks for more than a task needs has no more of use, but for one task of each user", () => {
    const anyLie = fc.record({ cpus: fc.nat(5), mem: fc.nat(5) });
    fc.assert(
      fc.property(anyCapacity, anyDemands, anyLie, (tenth, demands, lie) => {
        const capacity = scaled(tenth, 10);
        const [honest = { cpus: 1, mem: 1 }, ...others] = demands;
        const claimed = { cpus: honest.cpus + lie.cpus, mem: honest.mem + lie.mem };
        const [truly = 0] = share(capacity, demands, ENDLESS * 10);
        const [lying = 0] = share(capacity, [claimed, ...others], ENDLESS * 10);
        const useful = timesFits(honest, scaled(claimed, lying));
        // What one task of another leaves may hold several of the honest ones: cpus 1, mem 7 holds seven of cpus 4, mem 1.
        const held = ({ cpus, mem }: typeof honest) => Math.ceil(Math.max(cpus / honest.cpus, mem / honest.mem));
        const slack = [claimed, ...others].reduce((sum, demand) => sum + held(demand), 0);
        expect(useful - truly).toBeLessThanOrEqual(slack);
      }),
      {
        ...RUNS,
        examples: [
          [
            { cpus: 165, mem: 92 },
            [
              { cpus: 4, mem: 1 },
              { cpus: 1, mem: 7 },
            ],
            { cpus: 4, mem: 1 },
          ],
        ],
      },
    );
  });

  test("in plain words: give a task to the lowest share that it fits for, and to the oldest of equals", () => {
    fc.assert(
      fc.property(anyCapacity, anyDemands, fc.array(fc.nat(60)), (capacity, demands, remaining) => {
        expect(share(capacity, demands, remaining)).toEqual(plainly(capacity, demands, remaining));
      }),
      RUNS,
    );
  });

  test("with weights and levels: the same from the league down, among whoever is under a role", () => {
    const anyRole = fc.constantFrom("a", "b", "a/x", "a/y", "a/x/z");
    const anyJobs = fc.array(fc.record({ demand: anyDemand, role: anyRole, remaining: fc.nat(30) }), {
      minLength: 1,
      maxLength: 7,
    });
    const anyWeights = fc.dictionary(anyRole, fc.constantFrom(1, 2, 3, 0.5));
    fc.assert(
      fc.property(anyCapacity, anyJobs, anyWeights, (capacity, wants, weights) => {
        const jobs = wants.map(({ demand, role, remaining }, i) => job(`j${i}`, demand, remaining, { role }));
        const roles = Object.fromEntries(Object.entries(weights).map(([role, weight]) => [role, { weight }]));
        const { entitled } = round(league([partition("all", capacity)], jobs, roles));
        expect(jobs.map(({ id }) => total(entitled, id))).toEqual(byLevels(capacity, jobs, weights));
      }),
      RUNS,
    );
  });

  test("many tasks at once come out within one part of the league of one by one", () => {
    fc.assert(
      fc.property(anyCapacity, anyDemands, (capacity, demands) => {
        // So large that the last few tasks, which only some have room for, are much less than a part.
        const whole = scaled(capacity, 10_000);
        const tasks = share(whole, demands, 10_000_000);
        const shares = demands.map((demand, i) => dominantShare(scaled(demand, tasks[i] ?? 0), whole));
        // Those that share what runs out last have the same: all of them, as all need some of each.
        expect(Math.max(...shares) - Math.min(...shares)).toBeLessThan(3 / 4000);
      }),
      { numRuns: 20 },
    );
  });

  function byLevels(capacity: Resources, jobs: readonly RoundJob[], weights: Record<string, number>): number[] {
    const tasks = jobs.map(() => 0);
    const demands = jobs.map(({ demand }) => demand);
    const isUnder = (i: number, path: string) => path === "" || isWithin(jobs[i]?.role ?? "", path);
    for (;;) {
      const free = freeOf(capacity, demands, tasks);
      let left = jobs.flatMap(({ demand, remaining }, i) =>
        (tasks[i] ?? 0) < remaining && timesFits(demand, free) > 0 ? [i] : [],
      );
      // Down a level at a time: among the children of `path`, those that have the least, of them the oldest.
      for (let path = ""; left.length > 1; ) {
        const childOf = (i: number) =>
          lineage(jobs[i]?.role ?? "").findLast((role) => role !== path && isWithin(role, path || role)) ?? `#${i}`;
        const shareOf = (child: string) => {
          const under = jobs
            .map((_, i) => i)
            .filter((i) => (child.startsWith("#") ? child === `#${i}` : isUnder(i, child)));
          const used = under.reduce((sum, i) => add(sum, demands[i] ?? {}, tasks[i] ?? 0), {} as Resources);
          return dominantShare(used, scaled(capacity, weights[child] ?? 1));
        };
        const children = [...new Set(left.map(childOf))];
        const least = Math.min(...children.map(shareOf));
        const [first = ""] = children.filter((child) => shareOf(child) === least).sort((a, b) => ageOf(a) - ageOf(b));
        left = left.filter((i) => childOf(i) === first);
        if (first.startsWith("#")) break;
        path = first;
      }
      const [next] = left;
      if (next === undefined) return tasks;
      tasks[next] = (tasks[next] ?? 0) + 1;
    }
    function ageOf(child: string): number {
      return child.startsWith("#") ? Number(child.slice(1)) : jobs.findIndex((_, i) => isUnder(i, child));
    }
  }

  function plainly(capacity: Resources, demands: readonly Resources[], remaining: readonly number[]): number[] {
    const tasks = demands.map(() => 0);
    for (;;) {
      const free = freeOf(capacity, demands, tasks);
      let next = -1;
      let least = Number.POSITIVE_INFINITY;
      for (const [i, demand] of demands.entries()) {
        const has = dominantShare(scaled(demand, tasks[i] ?? 0), capacity);
        const wants = (tasks[i] ?? 0) < (remaining[i] ?? ENDLESS) && timesFits(demand, free) > 0;
        if (wants && has < least) [next, least] = [i, has];
      }
      if (next < 0) return tasks;
      tasks[next] = (tasks[next] ?? 0) + 1;
    }
  }
});

/** Roles of one job of one-cpu tasks, that every node takes. */
const anyClaims = fc.array(
  fc.record({
    guarantee: fc.nat(30),
    owned: fc.nat(20),
    wants: fc.nat(60),
    weight: fc.constantFrom(1, 2, 0.5),
    past: fc.nat(40),
    lend: fc.option(fc.nat(30), { nil: undefined }),
  }),
  { minLength: 1, maxLength: 5 },
);

describe("guarantees of roles whose tasks fit everywhere", () => {
  test.each([
    ["one by one", 1, RUNS],
    ["many at once", 400, { numRuns: 30 }],
  ])("are met whenever they can be, beside what it owns: %s", (_, scale, runs) => {
    fc.assert(
      fc.property(anyClaims, fc.nat(30), (claims, spare) => {
        const promised = claims.reduce((sum, { guarantee }) => sum + guarantee, 0);
        const partitions = [
          partition("shared", { cpus: (promised + spare) * scale }),
          ...claims.map(({ owned }, i) => partition(`c${i}`, { cpus: owned * scale }, { owner: `r${i}` })),
        ];
        const roles = Object.fromEntries(
          claims.map(({ guarantee, weight, lend }, i) => [
            `r${i}`,
            {
              guarantee: { cpus: guarantee * scale },
              weight,
              lend: lend === undefined ? {} : { cpus: lend * scale },
            },
          ]),
        );
        // A borrower that wants all is oldest.
        const jobs: RoundJob[] = [
          job("greedy", { cpus: 1 }, 500 * scale, { role: "greedy" }),
          ...claims.map(({ wants }, i) => job(`j${i}`, { cpus: 1 }, wants * scale, { role: `r${i}` })),
        ];
        const history = new Map(claims.map(({ past }, i) => [`r${i}`, { cpus: past * scale }]));
        const { entitled } = round(league(partitions, jobs, roles, { history }));
        for (const [i, { guarantee, owned, wants }] of claims.entries())
          expect(total(entitled, `j${i}`)).toBeGreaterThanOrEqual(Math.min(wants, guarantee + owned) * scale);
      }),
      runs,
    );
  });

  test("hold for all that they name at once, for as many tasks as that is enough for", () => {
    const anyClaim = fc.record({
      demand: anyDemand,
      guarantee: fc.record({ cpus: fc.nat(60), mem: fc.nat(60) }),
      wants: fc.nat(30),
    });
    fc.assert(
      fc.property(fc.array(anyClaim, { minLength: 1, maxLength: 5 }), anyDemand, (claims, greedy) => {
        const capacity = claims.reduce((sum: Resources, { guarantee }) => add(sum, guarantee), {});
        const roles = Object.fromEntries(claims.map(({ guarantee }, i) => [`r${i}`, { guarantee }]));
        const jobs = [
          job("greedy", greedy, 500, { role: "greedy" }),
          ...claims.map(({ demand, wants }, i) => job(`j${i}`, demand, wants, { role: `r${i}` })),
        ];
        const { entitled } = round(league([partition("all", capacity)], jobs, roles));
        for (const [i, { demand, guarantee, wants }] of claims.entries())
          expect(total(entitled, `j${i}`)).toBeGreaterThanOrEqual(Math.min(wants, timesFits(demand, guarantee)));
      }),
      RUNS,
    );
  });

  test("that cannot all be kept are kept alike", () => {
    const roles = { a: { guarantee: { cpus: 20 } }, b: { guarantee: { cpus: 10 } } };
    const jobs = [job("a", { cpus: 1 }, 99, { role: "a" }), job("b", { cpus: 1 }, 99, { role: "b" })];
    const { entitled } = round(league([partition("all", { cpus: 15 })], jobs, roles));
    expect([total(entitled, "a"), total(entitled, "b")]).toEqual([10, 5]);
  });
});

describe("an owner", () => {
  test("has of its partition whatever it can use there, before any borrower and any guarantee", () => {
    fc.assert(
      fc.property(fc.nat(20), fc.nat(20), fc.nat(20), fc.nat(20), (usable, wants, guarantee, shared) => {
        const partitions = [
          partition("own", { cpus: usable }, { owner: "lab" }),
          partition("shared", { cpus: shared }),
        ];
        const roles = { other: { guarantee: { cpus: guarantee }, weight: 5 } };
        const jobs = [
          job("other", { cpus: 1 }, 99, { role: "other" }),
          job("lab", { cpus: 1 }, wants, { role: "lab/ml", clusters: ["own"] }),
        ];
        const { entitled } = round(league(partitions, jobs, roles));
        expect(total(entitled, "lab")).toBe(Math.min(wants, usable));
        expect(total(entitled, "other")).toBe(usable + shared - Math.min(wants, usable));
      }),
      RUNS,
    );
  });
});
