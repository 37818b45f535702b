/** Who may take back what: by hand, and over random leagues that it makes each one better until it comes to rest. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OBJECTIVES } from "../../model/league.ts";
import { isWithin } from "../../model/role.ts";
import type { Count } from "../bounds.fixture.ts";
import type { RoundHeld, RoundInput, RoundJob, RoundPartition, RoundResult } from "../input.ts";
import { anyLeague } from "../leagues.fixture.ts";
import { compare, missingOf, potentialOf, rolesOf } from "../potential.fixture.ts";
import { job, league, partition, running, total } from "../round.fixture.ts";
import { round } from "../round.ts";
import { keyOf } from "../slots.ts";
import { starvedJobs } from "../starving.ts";

const RUNS = { numRuns: Number(process.env.HANSA_RUNS ?? 150) };

const one = (cpus: number, owner: string | null = null) => [partition("all", { cpus }, { owner })];
const claimsOf = ({ claims }: RoundResult, id: string) => claims.get(id)?.get("all/default");
const yieldsOf = ({ yields }: RoundResult, id: string) => yields.get(id)?.get("all/default");
const cpu = (id: string, tasks: number, rest: Partial<RoundJob> = {}) =>
  job(id, { cpus: 1 }, tasks, { role: id, ...rest });
const held = (all: number) => ({ held: running({ all }) });

describe("an owner", () => {
  test("takes back what others use of its partition, and no more than it needs", () => {
    const result = round(league(one(10, "lab"), [cpu("web", 99, held(10)), cpu("lab", 3)]));
    expect(claimsOf(result, "lab")).toEqual({ own: 3, priority: 0, inKind: false });
    expect(yieldsOf(result, "web")).toEqual({ lent: 3, lower: 0, keep: 7 });
    expect([total(result.limits, "lab"), total(result.limits, "web")]).toEqual([0, 7]);
  });

  test("first has what is free", () => {
    const result = round(league(one(10, "lab"), [cpu("web", 99, held(8)), cpu("lab", 3)]));
    expect(total(result.limits, "lab")).toBe(2);
    expect(claimsOf(result, "lab")).toMatchObject({ own: 1 });
  });

  test("does so for roles under it, not against them", () => {
    const result = round(
      league(one(10, "lab"), [cpu("web", 99, held(5)), cpu("lab/ml", 99, held(5)), cpu("lab/bio", 99)]),
    );
    expect(claimsOf(result, "lab/bio")).toMatchObject({ own: 5 });
    expect(yieldsOf(result, "web")).toMatchObject({ lent: 5 });
    expect(yieldsOf(result, "lab/ml")).toBeUndefined();
  });

  test("has what it was given until then kept for it, and what ends meanwhile is its own", () => {
    const claimed = (charged: number): RoundInput =>
      league(one(10, "lab"), [
        cpu("web", 99, held(charged)),
        job("lab", { cpus: 3 }, 9, {
          role: "lab",
          held: new Map([["all/default", { charged: 0, barred: false, claimed: 3 }]]),
        }),
        cpu("desk", 99),
      ]);
    const soon = round(claimed(8));
    expect(total(soon.limits, "desk")).toBe(0);
    expect(claimsOf(soon, "lab")).toMatchObject({ own: 3 });
    const later = round(claimed(7));
    expect([total(later.limits, "lab"), total(later.limits, "desk")]).toEqual([1, 0]);
    expect(claimsOf(later, "lab")).toMatchObject({ own: 2 });
  });
});

describe("room that was made", () => {
  const labs = [
    partition("north", { cpus: 4 }, { owner: "lab" }),
    partition("south", { cpus: 4 }, { owner: "lab" }),
    partition("west", { cpus: 3 }),
  ];
  const lab = (id: string, cpus: number, rest: Partial<RoundJob>) => job(id, { cpus }, 1, { role: "lab", ...rest });

  test("is for whom it was made, before those that were stopped for it, also when parts have moved about", () => {
    const result = round(
      league(labs, [
        lab("oldest", 3, { held: running({ south: 1 }) }),
        // Its part is in north, where nothing is left for the claimant then.
        lab("older", 3, { held: running({ west: 1 }) }),
        lab("claimant", 2, {
          clusters: ["north", "south"],
          held: new Map([["north/default", { charged: 0, barred: false, claimed: 1, roomFor: 1 }]]),
        }),
        job("web", { cpus: 1 }, 9, { role: "web" }),
      ]),
    );
    expect(total(result.entitled, "claimant")).toBe(0);
    expect(result.limits.get("claimant")).toEqual(new Map([["north/default", 1]]));
    expect(result.limits.get("web")).toEqual(
      new Map([
        ["north/default", 2],
        ["south/default", 1],
      ]),
    );
  });

  test("is for one before it in line, once enough has ended for that one too", () => {
    const result = round(
      league(one(6, "lab"), [
        lab("running", 2, held(1)),
        lab("older", 4, {}),
        lab("claimant", 1, {
          held: new Map([["all/default", { charged: 0, barred: false, claimed: 1, roomFor: 1 }]]),
        }),
      ]),
    );
    expect([total(result.limits, "older"), total(result.limits, "claimant")]).toEqual([1, 0]);
  });
});

describe("a claim", () => {
  const own = [
    partition("north", { cpus: 22 }, { owner: "lab/x" }),
    partition("west", { cpus: 14 }, { owner: "lab/x" }),
  ];
  const claiming = (objective: RoundInput["objective"], claimed: number) =>
    league(
      own,
      [
        job("web", { cpus: 1 }, 0, { role: "web", held: running({ north: 5 }) }),
        job("claimant", { cpus: 7 }, 3, {
          role: "lab",
          held: new Map([
            ["west/default", { charged: 2, barred: false }],
            ["north/default", { charged: 0, barred: false, claimed }],
          ]),
        }),
        job("other", { cpus: 3 }, 4, { role: "lab", held: running({ north: 2 }) }),
        job("last", { cpus: 3 }, 0, { role: "lab", held: running({ north: 3 }) }),
      ],
      {},
      { objective },
    );

  test("does not lose its own reason by moving parts about", () => {
    for (const objective of OBJECTIVES) {
      const before = round(claiming(objective, 0));
      expect(before.claims.get("claimant")?.get("north/default")).toMatchObject({ own: 1 });
      const after = round(claiming(objective, 1));
      expect(after.entitled).toEqual(before.entitled);
      expect(after.claims).toEqual(before.claims);
    }
  });
});

describe("what a framework was offered and does not keep", () => {
  const at = "all/default";
  const lent = (claimed: number) =>
    league(
      [partition("all", { cpus: 4, mem: 16 }, { owner: "lab/bio" })],
      [
        job("web", { cpus: 1, mem: 1 }, 99, { role: "web", held: running({ all: 4 }) }),
        job("ml", { cpus: 1, mem: 1 }, 2, {
          role: "lab/ml",
          held: new Map([[at, { charged: 0, barred: false, claimed }]]),
        }),
      ],
      { "lab/ml": { guarantee: { cpus: 2 } } },
      {
        frameworks: [
          {
            key: "framework",
            role: "other",
            used: new Map(),
            offered: new Map(),
            mayUse: new Map([[at, { mem: 14 }]]),
            takes: new Map(),
            wants: "no",
            minimum: [],
            takesGpus: false,
            served: 0,
          },
        ],
      },
    );

  test("ends no claim while it is given back: else the time until something is stopped began anew each time", () => {
    for (const claimed of [0, 2])
      expect(claimsOf(round(lent(claimed)), "ml")).toEqual({ own: 2, priority: 0, inKind: false });
  });
});

describe("what is kept for who claims", () => {
  test("is not wanting for those who could use it at once: nobody starves", () => {
    const input = league(
      [partition("all", { cpus: 6 }, { owner: "lab/ml", lendable: { cpus: 4 } })],
      [
        job("web", { cpus: 3 }, 1, { role: "web", ...held(1) }),
        job("older", { cpus: 2 }, 1, {
          role: "lab",
          held: new Map([["all/default", { charged: 0, barred: false, claimed: 1 }]]),
        }),
        job("younger", { cpus: 1 }, 1, { role: "lab" }),
      ],
    );
    const result = round(input);
    expect(claimsOf(result, "older")).toMatchObject({ own: 1 });
    expect(total(result.limits, "younger")).toBe(0);
    expect(starvedJobs(input, result)).toEqual([]);
  });
});

describe("a guarantee", () => {
  const roles = { lab: { guarantee: { cpus: 4 } } };

  test("is taken back from those who run beyond theirs, as far as it goes", () => {
    const result = round(league(one(10), [cpu("web", 99, held(10)), cpu("lab", 99)], roles));
    expect(claimsOf(result, "lab")).toMatchObject({ own: 4 });
    expect(total(result.entitled, "lab")).toBe(7);
  });

  test("is not taken from: who is promised as much keeps it", () => {
    const both = { lab: { guarantee: { cpus: 8 } }, web: { guarantee: { cpus: 8 } } };
    const result = round(league(one(10), [cpu("web", 99, held(10)), cpu("lab", 99)], both));
    expect(yieldsOf(result, "web")).toMatchObject({ lent: 2 });
    expect(claimsOf(result, "lab")).toMatchObject({ own: 2 });
  });

  test("is first kept for what has the highest priority", () => {
    const both = { lab: { guarantee: { cpus: 4 } }, web: { guarantee: { cpus: 4 } } };
    const low = job("low", { cpus: 1 }, 6, { role: "web", priority: 10, ...held(6) });
    const high = job("high", { cpus: 1 }, 4, { role: "web", priority: 90, ...held(4) });
    const result = round(league(one(10), [low, high, cpu("lab", 4)], both));
    expect(claimsOf(result, "lab")).toMatchObject({ own: 4 });
    expect([yieldsOf(result, "low"), yieldsOf(result, "high")]).toEqual([{ lent: 4, lower: 0, keep: 2 }, undefined]);
  });
});

describe("priority", () => {
  const low = (rest: Partial<RoundJob> = {}) =>
    job("low", { cpus: 1 }, 99, { role: "lab", priority: 10, ...held(10), ...rest });
  const high = (rest: Partial<RoundJob> = {}) => job("high", { cpus: 1 }, 6, { role: "lab", priority: 90, ...rest });

  test("goes first, and takes the place of the lower, in one role", () => {
    const idle = round(league(one(10), [low({ held: new Map() }), high()]));
    expect([total(idle.entitled, "high"), total(idle.entitled, "low")]).toEqual([6, 4]);
    const result = round(league(one(10), [low(), high()]));
    expect(claimsOf(result, "high")).toMatchObject({ own: 0, priority: 6 });
    expect(yieldsOf(result, "low")).toMatchObject({ lent: 0, lower: 6 });
  });

  test("says nothing across roles, nor among equals", () => {
    for (const rest of [{ role: "web" }, { priority: 10 }]) {
      const result = round(league(one(10), [low(), high(rest)]));
      expect([result.claims.size, result.yields.size]).toEqual([0, 0]);
    }
  });

  test("also at the role's limit, where only what ends in it makes room, and what is free does not", () => {
    const result = round(league(one(20), [low(), high()], { lab: { limit: { cpus: 10 } } }));
    expect(claimsOf(result, "high")).toEqual({ own: 0, priority: 6, inKind: true });
    expect(total(result.limits, "low")).toBe(4);
  });

  test("within its own guarantee and its own partition, too", () => {
    for (const input of [
      league(one(10), [low(), high()], { lab: { guarantee: { cpus: 10 } } }),
      league(one(10, "lab"), [low(), high()]),
    ])
      expect(claimsOf(round(input), "high")).toMatchObject({ priority: 6 });
  });

  test("beside roles that are under it, jobs of a role have no more than before", () => {
    const ml = job("ml", { cpus: 1 }, 99, { role: "lab/ml" });
    const { entitled } = round(league(one(12), [low({ held: new Map() }), high(), ml]));
    expect([total(entitled, "high"), total(entitled, "low"), total(entitled, "ml")]).toEqual([6, 2, 4]);
  });
});

test("beside what is not lent, what is free is kept for who is short of it: else others would have it in turns", () => {
  const withSmall = (small: number) =>
    round(
      league(
        one(8),
        [
          job("long", { cpus: 1 }, 5, { role: "lab", ...held(5) }),
          job("web", { cpus: 1 }, 1, { role: "web", ...held(1) }),
          job("small", { cpus: 1 }, 3, { role: "lab", priority: 20, ...held(small) }),
          job("large", { cpus: 2 }, 4, { role: "lab" }),
        ],
        { web: { guarantee: { cpus: 2 }, lend: { cpus: 0 } } },
      ),
    );
  expect([0, 1].map((small) => total(withSmall(small).limits, "small"))).toEqual([0, 0]);
  expect(total(withSmall(0).limits, "long")).toBe(4);
});

test("shares are never made equal by force", () => {
  const result = round(league(one(10), [cpu("web", 99, held(10)), cpu("lab", 99)]));
  expect([result.claims.size, result.yields.size]).toEqual([0, 0]);
});

// A league in which rounds are followed at once, and what claims is made room for as a Cluster would.

type Ran = ReadonlyMap<string, ReadonlyMap<string, number>>;
const isReal = (key: string) => !key.startsWith("gone/");
const ranIn = (input: RoundInput): Ran =>
  new Map(input.jobs.map((one) => [one.id, new Map([...one.held].map(([key, { charged }]) => [key, charged]))]));
const countOf =
  (ran: Ran): Count =>
  ({ id }, where) =>
    ran.get(id)?.get(keyOf(where)) ?? 0;

/** @param made what room was just made for */
function seen(input: RoundInput, ran: Ran, told: RoundResult | null, made: Step | null = null): RoundInput {
  const jobs = input.jobs.map((one) => {
    const places = new Map<string, RoundHeld>();
    const keys = new Set([
      ...one.held.keys(),
      ...(ran.get(one.id)?.keys() ?? []),
      ...(told?.claims.get(one.id)?.keys() ?? []),
    ]);
    for (const key of [...keys].filter(isReal)) {
      const { own = 0, priority = 0 } = told?.claims.get(one.id)?.get(key) ?? {};
      places.set(key, {
        charged: ran.get(one.id)?.get(key) ?? 0,
        claimed: own + priority,
        ...(made?.claimant.id === one.id &&
          keyOf(made.where) === key && { roomFor: 1 + (ran.get(one.id)?.get(key) ?? 0) }),
        barred: one.held.get(key)?.barred ?? false,
      });
    }
    return { ...one, held: places };
  });
  return { ...input, jobs };
}

function plus(ran: Ran, id: string, key: string, n: number): Ran {
  const counts = new Map(ran.get(id));
  counts.set(key, (counts.get(key) ?? 0) + n);
  return new Map(ran).set(id, counts);
}

/** All that may start does. */
function started(ran: Ran, { limits }: RoundResult): Ran {
  let next = ran;
  for (const [id, byKey] of limits)
    for (const [key, limit] of byKey) next = plus(next, id, key, Math.max(0, limit - (next.get(id)?.get(key) ?? 0)));
  return next;
}

interface Step {
  claimant: RoundJob;
  where: RoundPartition;
  victims: RoundJob[];
}

const names = ["cpus", "mem"];

/** One task's worth of victims, no one of them spare; which of those that may be is up to `pick`. */
function choose(
  input: RoundInput,
  ran: Ran,
  { claims, yields }: RoundResult,
  pick: (n: number) => number,
): Step | null {
  const steps: Step[] = [];
  for (const claimant of input.jobs) {
    for (const where of input.partitions) {
      const key = keyOf(where);
      const claim = claims.get(claimant.id)?.get(key);
      if (!claim) continue;
      for (const kind of ["own", "priority"] as const) {
        if (claim[kind] === 0) continue;
        const free = (r: string) =>
          (where.usable[r] ?? 0) -
          input.jobs.reduce((n, one) => n + countOf(ran)(one, where) * (one.demand[r] ?? 0), 0);
        const pool = input.jobs.flatMap((victim) => {
          const { lent = 0, lower = 0 } = yields.get(victim.id)?.get(key) ?? {};
          const isLower = victim.role === claimant.role && victim.priority < claimant.priority;
          return Array.from({ length: kind === "own" ? lent : isLower ? lower : 0 }, () => victim);
        });
        const covers = (some: readonly RoundJob[]) =>
          names.every(
            (r) =>
              (claimant.demand[r] ?? 0) === 0 ||
              some.reduce((n, { demand }) => n + (demand[r] ?? 0), claim.inKind ? 0 : free(r)) >=
                (claimant.demand[r] ?? 0),
          );
        let victims: RoundJob[] = [];
        while (!covers(victims) && pool.length > 0) victims.push(...pool.splice(pick(pool.length), 1));
        if (!covers(victims)) continue;
        for (const spare of [...victims]) {
          const others = victims.toSpliced(victims.indexOf(spare), 1);
          if (covers(others)) victims = others;
        }
        steps.push({ claimant, where, victims });
      }
    }
  }
  return steps[pick(steps.length)] ?? null;
}

const stopped = (ran: Ran, { where, victims }: Step): Ran =>
  victims.reduce((left, { id }) => plus(left, id, keyOf(where), -1), ran);

/** Rounds until nothing starts any more. */
function settled(input: RoundInput, from: Ran, told: RoundResult | null): { ran: Ran; result: RoundResult } {
  let ran = from;
  let result = told;
  for (let n = 0; n < 30; n++) {
    result = round(seen(input, ran, result));
    const next = started(ran, result);
    if ([...next].every(([id, counts]) => [...counts].every(([key, n]) => n === (ran.get(id)?.get(key) ?? 0)))) break;
    ran = next;
  }
  return { ran, result: result as RoundResult };
}

const picker = (choices: readonly number[]) => {
  let i = 0;
  return (n: number) => (choices[i++ % choices.length] ?? 0) % Math.max(1, n);
};

describe("whatever the league", () => {
  test("claims are of what is due and missing, yields of what is neither", () => {
    fc.assert(
      fc.property(anyLeague(), (input) => {
        const { claims, yields, entitled, limits } = round(input);
        for (const one of input.jobs) {
          for (const [key, { own, priority }] of claims.get(one.id) ?? []) {
            const has = Math.max(one.held.get(key)?.charged ?? 0, limits.get(one.id)?.get(key) ?? 0);
            expect(own + priority).toBeGreaterThan(0);
            expect(own + priority).toBeLessThanOrEqual((entitled.get(one.id)?.get(key) ?? 0) - has);
          }
          for (const [key, { lent, lower }] of yields.get(one.id) ?? []) {
            const has = one.held.get(key)?.charged ?? 0;
            expect(lent + lower).toBeLessThanOrEqual(has - (entitled.get(one.id)?.get(key) ?? 0));
            expect(limits.get(one.id)?.get(key) ?? 0).toBeLessThanOrEqual(has - lent - lower);
          }
        }
      }),
      RUNS,
    );
  });

  test("each reclaim lets its claimant start and makes the league better, breaks no promise, and they come to rest", () => {
    fc.assert(
      fc.property(anyLeague(), fc.array(fc.nat(1000), { minLength: 5, maxLength: 30 }), (input, choices) => {
        const pick = picker(choices);
        let { ran, result } = settled(input, ranIn(seen(input, ranIn(input), null)), null);
        for (let n = 0; result.claims.size > 0; n++) {
          expect(n).toBeLessThan(300);
          const step = choose(input, ran, result, pick);
          if (step === null) throw new Error("a claim that nothing can be stopped for");
          const after = stopped(ran, step);
          const next = round(seen(input, after, result, step));
          const key = keyOf(step.where);
          const { claimant } = step;
          expect(next.limits.get(claimant.id)?.get(key) ?? 0).toBeGreaterThan(after.get(claimant.id)?.get(key) ?? 0);
          const taken = plus(after, claimant.id, key, 1);
          expect(compare(potentialOf(input, countOf(taken)), potentialOf(input, countOf(ran)))).toBeLessThan(0);
          for (const role of rolesOf(input).filter((role) => !isWithin(claimant.role, role))) {
            const before = missingOf(input, countOf(ran), role);
            for (const [what, amount] of missingOf(input, countOf(taken), role))
              expect(amount, `${role} misses ${what}`).toBeLessThanOrEqual(before.get(what) ?? 0);
          }
          const rest = settled(input, started(after, next), next);
          expect(compare(potentialOf(input, countOf(rest.ran)), potentialOf(input, countOf(ran)))).toBeLessThan(0);
          ({ ran, result } = rest);
        }
      }),
      RUNS,
    );
  });

  test("what room was made for starts, whatever ends meanwhile, or it goes to one before it who is due it", () => {
    const anyMoves = fc.array(
      fc.record({ ends: fc.boolean(), which: fc.nat(100), demand: fc.integer({ min: 1, max: 4 }) }),
      {
        minLength: 20,
        maxLength: 20,
      },
    );
    fc.assert(
      fc.property(anyLeague(), anyMoves, (start, moves) => {
        const pick = picker(moves.map(({ which }) => which));
        let input = start;
        let { ran, result } = settled(input, ranIn(seen(input, ranIn(input), null)), null);
        for (const { ends, which, demand } of moves) {
          const step = choose(input, ran, result, pick);
          const after = step === null ? ran : stopped(ran, step);
          const one = input.jobs[which % input.jobs.length] as RoundJob;
          const at = [...(after.get(one.id) ?? [])].find(([, n]) => n > 0);
          const isEnd = ends && one !== step?.claimant && at !== undefined;
          const rest = isEnd ? plus(after, one.id, at[0], -1) : after;
          const others = input.jobs.map((other) =>
            isEnd && other === one ? { ...one, remaining: Math.max(0, one.remaining - 1) } : other,
          );
          const comes = {
            ...one,
            id: `new${input.jobs.length}`,
            demand: { cpus: demand },
            remaining: 2,
            held: new Map(),
          };
          input = { ...input, jobs: isEnd ? others : [...input.jobs, comes] };
          const next = round(seen(input, rest, result, step));
          if (step !== null && isEnd) {
            const { id } = step.claimant;
            const raised = [...(next.limits.get(id) ?? [])].filter(
              ([key, limit]) => limit > (rest.get(id)?.get(key) ?? 0),
            );
            // Else it goes to those who are before it now, and due it: they start, or it is part of what they claim.
            const key = keyOf(step.where);
            const others = input.jobs.filter(
              (other) =>
                (next.limits.get(other.id)?.get(key) ?? 0) > (rest.get(other.id)?.get(key) ?? 0) ||
                (other.id !== id && next.claims.get(other.id)?.has(key)),
            );
            const isDue = ({ id }: RoundJob) =>
              (next.limits.get(id)?.get(key) ?? 0) <= (next.entitled.get(id)?.get(key) ?? 0);
            if (raised.length === 0) expect(others.length > 0 && others.every(isDue)).toBe(true);
          }
          ({ ran, result } = settled(input, started(rest, next), next));
        }
      }),
      { numRuns: RUNS.numRuns / 3 },
    );
  });
});
