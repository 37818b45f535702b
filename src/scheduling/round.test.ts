import { describe, expect, test } from "vitest";
import { parseConstraint } from "../model/constraints.ts";
import type { RolePolicy } from "../model/role.ts";
import type { RoundInput, RoundJob, RoundPartition, Stop } from "./input.ts";
import { job, league, partition, running, total } from "./round.fixture.ts";
import { round } from "./round.ts";

const twoClusters = [partition("north", { cpus: 1000 }), partition("south", { cpus: 1000 })];

describe("a round where nothing is configured", () => {
  test("two equal jobs share alike, and a lone one spreads over both clusters", () => {
    const two = round(league(twoClusters, [job("a", { cpus: 100 }, 99), job("b", { cpus: 100 }, 99)])).limits;
    expect([total(two, "a"), total(two, "b")]).toEqual([10, 10]);
    expect(round(league(twoClusters, [job("a", { cpus: 100 }, 4)])).limits.get("a")).toEqual(
      new Map([
        ["north/default", 2],
        ["south/default", 2],
      ]),
    );
  });

  test("a job above its share shrinks, and the other grows only into what is free", () => {
    const { limits, entitled } = round(
      league(twoClusters, [
        job("old", { cpus: 100 }, 99, { held: running({ north: 10, south: 8 }) }),
        job("new", { cpus: 100 }, 99),
      ]),
    );
    expect([total(entitled, "old"), total(entitled, "new")]).toEqual([10, 10]);
    expect([total(limits, "old"), total(limits, "new")]).toEqual([10, 2]);
  });

  test("a job whose tasks all run elsewhere keeps no room for them, and others get it", () => {
    const last = (live: number | undefined) =>
      job("last", { cpus: 100 }, 1, {
        held: new Map([
          ["north/default", { charged: 1, barred: false }],
          ["south/default", { charged: 1, barred: false, ...(live && { live }) }],
        ]),
      });
    const limitsOf = (live: number | undefined) => round(league(twoClusters, [last(live)])).limits.get("last");
    expect(limitsOf(1)?.get("north/default")).toBeUndefined();
    expect(total(new Map([["last", limitsOf(undefined) ?? new Map()]]), "last")).toBeGreaterThan(0);
  });

  test("a barred or forbidden partition gets nothing", () => {
    const limits = (rest: Parameters<typeof job>[3], cpus = 100) =>
      round(league(twoClusters, [job("a", { cpus }, 5, rest)])).limits.get("a");
    expect(limits({ clusters: ["south"] })).toEqual(new Map([["south/default", 5]]));
    expect(limits({ held: new Map([["south/default", { charged: 0, barred: true }]]) })).toEqual(
      new Map([["north/default", 5]]),
    );
    expect(limits({}, 1001)).toEqual(new Map());
  });
});

/** Jobs of one-cpu tasks, a role each. */
const cpuJobs = (wants: Record<string, number>, rest: Record<string, Partial<RoundJob>> = {}) =>
  Object.entries(wants).map(([role, tasks]) => job(role, { cpus: 1 }, tasks, { role, ...rest[role] }));
const tasksOf = (input: RoundInput) => {
  const { entitled } = round(input);
  return Object.fromEntries(input.jobs.map(({ id }) => [id, total(entitled, id)]));
};
const one = (cpus: number) => [partition("all", { cpus })];

describe("roles", () => {
  test("share by weight, level by level", () => {
    const wants = { "lab/ml": 99, "lab/bio": 99, desk: 99 };
    expect(tasksOf(league(one(60), cpuJobs(wants)))).toEqual({ "lab/ml": 15, "lab/bio": 15, desk: 30 });
    const roles = { lab: { weight: 2 }, "lab/ml": { weight: 3 } };
    expect(tasksOf(league(one(60), cpuJobs(wants), roles))).toEqual({ "lab/ml": 30, "lab/bio": 10, desk: 20 });
  });

  test("have what they are guaranteed first, whatever they used before, then share the rest", () => {
    const roles = { lab: { guarantee: { cpus: 30 } } };
    const history = new Map([["lab", { cpus: 500 }]]);
    const wants = { desk: 99, lab: 99 };
    expect(tasksOf(league(one(60), cpuJobs(wants), roles))).toEqual({ desk: 15, lab: 45 });
    expect(tasksOf(league(one(60), cpuJobs(wants), roles, { history }))).toEqual({ desk: 30, lab: 30 });
  });

  test("have less now for what they used before, unless it was their own", () => {
    const history = new Map([["lab/ml", { cpus: 10 }]]);
    const wants = { desk: 99, "lab/ml": 99 };
    expect(tasksOf(league(one(60), cpuJobs(wants), {}, { history }))).toEqual({ desk: 35, "lab/ml": 25 });
    const owned = [...one(60), partition("own", { cpus: 10 }, { owner: "lab" })];
    expect(tasksOf(league(owned, cpuJobs(wants), {}, { history }))).toEqual({ desk: 30, "lab/ml": 40 });
  });

  test("are guaranteed nothing of a resource that is named with 0, and are not kept from one that is not named", () => {
    const whole = [partition("all", { cpus: 100, gpus: 8 })];
    const gpuJobs = ["desk", "lab"].map((role) => job(role, { cpus: 1, gpus: 1 }, 99, { role }));
    expect(tasksOf(league(whole, gpuJobs, { lab: { guarantee: { cpus: 50 } } }))).toEqual({ desk: 0, lab: 8 });
    expect(tasksOf(league(whole, gpuJobs, { lab: { guarantee: { cpus: 50, gpus: 0 } } }))).toEqual({ desk: 4, lab: 4 });
  });

  test("tell what they are entitled to and their share, ancestors too", () => {
    const { roles } = round(league(one(60), cpuJobs({ "lab/ml": 30, desk: 10 }), { lab: { guarantee: { cpus: 20 } } }));
    expect(Object.fromEntries(roles)).toEqual({
      lab: { entitled: { cpus: 30 }, share: 10 / 60 },
      "lab/ml": { entitled: { cpus: 30 }, share: 30 / 60 },
      desk: { entitled: { cpus: 10 }, share: 10 / 60 },
    });
  });
});

describe("where tasks go", () => {
  const places = (input: RoundInput, id: string) => Object.fromEntries(round(input).entitled.get(id) ?? []);
  const north = partition("north", { cpus: 10 }, { price: 3, speed: 2 });
  const south = partition("south", { cpus: 10 }, { price: 1, speed: 1 });

  test.each([
    ["utilisation", { "north/default": 3, "south/default": 3 }],
    ["balance", { "north/default": 3, "south/default": 3 }],
    ["cost", { "south/default": 6 }],
    ["completion-time", { "north/default": 6 }],
  ] as const)("by objective: %s", (objective, expected) => {
    expect(places(league([north, south], cpuJobs({ desk: 6 }), {}, { objective }), "desk")).toEqual(expected);
  });

  test("where the plan says, then where they run, before the objective", () => {
    const plan = new Map([["desk", new Map([["north/default", 2]])]]);
    const [desk] = cpuJobs({ desk: 6 }, { desk: { held: running({ north: 1 }) } });
    const cost = { objective: "cost" } as const;
    expect(places(league([north, south], cpuJobs({ desk: 6 }), {}, { plan, ...cost }), "desk")).toEqual({
      "north/default": 2,
      "south/default": 4,
    });
    expect(places(league([north, south], desk ? [desk] : [], {}, cost), "desk")).toEqual({
      "north/default": 1,
      "south/default": 5,
    });
  });

  test("an owner's in its own first, others' in what is nobody's first", () => {
    const partitions = [partition("labs", { cpus: 10 }, { owner: "lab" }), partition("open", { cpus: 10 })];
    const input = league(partitions, cpuJobs({ desk: 5, "lab/ml": 5 }));
    expect(places(input, "desk")).toEqual({ "open/default": 5 });
    expect(places(input, "lab/ml")).toEqual({ "labs/default": 5 });
  });

  test("only on nodes that accept the role, by its own name or one it is under", () => {
    const shapes = [{ count: 1, capacity: { cpus: 10 }, attributes: {}, roles: ["lab"], drivers: ["process"] }];
    const input = league([partition("all", { cpus: 10 }, { shapes })], cpuJobs({ "lab/ml": 3, laboratory: 3 }));
    expect(tasksOf(input)).toEqual({ "lab/ml": 3, laboratory: 0 });
  });

  test("only on nodes that satisfy its constraints, their cluster among their attributes", () => {
    const constraints = ["arch = x64", "cluster = south"].flatMap((text) => parseConstraint(text) ?? []);
    const jobs = [job("desk", { cpus: 1 }, 99, { constraints })];
    expect(places(league([north, south], jobs), "desk")).toEqual({ "south/default": 10 });
  });

  test("in slices of the same nodes by each slice's budget and what fits a node", () => {
    const shapes = [{ count: 3, capacity: { cpus: 4 }, attributes: {}, drivers: ["process"] }];
    const slices = [5, 7].map((cpus, i) => partition("all", { cpus }, { name: `slice${i}`, shapes }));
    expect(tasksOf(league(slices, cpuJobs({ desk: 99 })))).toEqual({ desk: 12 });
    expect(tasksOf(league(slices, [job("wide", { cpus: 3 }, 99)]))).toEqual({ wide: 3 });
    expect(tasksOf(league(slices, [job("wider", { cpus: 5 }, 99)]))).toEqual({ wider: 0 });
  });
});

describe("why a job got no more", () => {
  type Case = [string, Record<string, Partial<RolePolicy>>, RoundPartition[], Record<string, number>, string, Stop];
  const lent = partition("labs", { cpus: 10 }, { owner: "lab", lendable: { cpus: 4 } });
  const over = (role: string, bound: "limit" | "borrow" | "lend"): Stop => ({
    kind: "over-limit",
    role,
    resource: "cpus",
    bound,
  });
  test.each([
    ["it has all", {}, one(10), { desk: 5 }, "desk", { kind: "satisfied" }],
    ["nothing could hold it", {}, one(0), { desk: 5 }, "desk", { kind: "no-slot" }],
    ["a limit", { lab: { limit: { cpus: 3 } } }, one(10), { "lab/ml": 5 }, "lab/ml", over("lab", "limit")],
    ["a borrow limit", { lab: { borrow: { cpus: 3 } } }, one(10), { "lab/ml": 5 }, "lab/ml", over("lab", "borrow")],
    [
      "what another keeps back",
      { lab: { guarantee: { cpus: 8 }, lend: { cpus: 1 } } },
      one(10),
      { desk: 5 },
      "desk",
      over("lab", "lend"),
    ],
    [
      "an owner lends no more",
      {},
      [lent],
      { desk: 5 },
      "desk",
      { kind: "lend-limit", partition: "labs/default", resource: "cpus" },
    ],
    ["others got the room by their share", {}, one(10), { desk: 9, lab: 9 }, "desk", { kind: "share" }],
    ["an owner has a right to it", {}, [lent], { desk: 5, lab: 10 }, "desk", { kind: "share" }],
    ["it fills all there is", {}, one(10), { desk: 11 }, "desk", { kind: "space" }],
  ] satisfies Case[])("%s", (_, roles, partitions, wants, id, stop) => {
    const result = round(league(partitions, cpuJobs(wants), roles));
    expect(result.stops.get(id)).toEqual(stop);
    expect(result.contended).toBe(["share", "space", "lend-limit"].includes(stop.kind));
  });
});

describe("what may be granted now", () => {
  const partitions = [partition("labs", { cpus: 10 }, { owner: "lab" }), partition("open", { cpus: 10 })];
  const limitsOf = (jobs: RoundJob[], where = partitions) => {
    const { limits } = round(league(where, jobs));
    return Object.fromEntries(jobs.map(({ id }) => [id, Object.fromEntries(limits.get(id) ?? [])]));
  };

  test("a borrower shrinks where the owner is entitled, and gets no more there", () => {
    const jobs = cpuJobs({ desk: 30, lab: 10 }, { desk: { held: running({ labs: 9, open: 10 }) } });
    expect(limitsOf(jobs)).toEqual({ desk: { "open/default": 10 }, lab: { "labs/default": 1 } });
  });

  test("a place that would stay idle goes to whoever waits for one where others still run", () => {
    // What the owner runs elsewhere it would rather have at home; nothing of it waits.
    const jobs = cpuJobs({ lab: 10, desk: 30 }, { lab: { held: running({ open: 10 }) } });
    expect(limitsOf(jobs)).toEqual({ lab: { "open/default": 10 }, desk: { "labs/default": 10 } });
    // It goes on so while nobody is short of anything.
    const later = cpuJobs(
      { lab: 10, desk: 30 },
      { lab: { held: running({ open: 10 }) }, desk: { held: running({ labs: 10 }) } },
    );
    expect(limitsOf(later)).toEqual({ lab: { "open/default": 10 }, desk: { "labs/default": 10 } });
  });

  test("what runs where there is no room any more takes none from elsewhere", () => {
    const jobs = cpuJobs({ desk: 30, lab: 30 }, { desk: { held: running({ labs: 8, gone: 8 }) } });
    const down = [partition("labs", { cpus: 0 }, { owner: "lab" }), partition("open", { cpus: 10 })];
    expect(limitsOf(jobs, down)).toEqual({ desk: {}, lab: { "open/default": 10 } });
  });
});

test("what a limit leaves for a larger task is not given and taken back in turns", () => {
  const roles = { lab: { limit: { cpus: 3000 } } };
  /** Limits once all that ran by the limits before has ended, or begun. */
  const next = (held: Record<string, number>) => {
    const wants = [
      job("c", { cpus: 2000 }, 9, { role: "lab", held: running({ north: held.c ?? 0 }) }),
      job("a", { cpus: 1000 }, 9, { role: "lab", held: running({ north: held.a ?? 0 }) }),
      job("b", { cpus: 1000 }, 9, { role: "lab", held: running({ north: held.b ?? 0 }) }),
    ];
    const { limits } = round(league([partition("north", { cpus: 8000 })], wants, roles));
    return { a: total(limits, "a"), b: total(limits, "b"), c: total(limits, "c") };
  };
  for (const begin of [{ a: 1 }, { a: 2 }, { b: 2 }, { a: 1, b: 1 }, { c: 1 }, { a: 3 }]) {
    let held = next(begin);
    for (let i = 0; i < 4; i++) held = next(held);
    expect(next(held)).toEqual(held);
    expect(held.a + held.b + 2 * held.c).toBeLessThanOrEqual(3);
  }
});

test("room that only a limit keeps from its owner is not given and taken back in turns", () => {
  const roles = { lab: { guarantee: { cpus: 4000 } }, "lab/ml": { limit: { cpus: 4000 } } };
  const north = partition("north", { cpus: 8000 });
  const south = partition("south", { cpus: 2000 });
  const next = (c: number) => {
    const wants = [
      job("a", { cpus: 1000 }, 3, { role: "lab/ml", held: running({ north: 1, south: 2 }) }),
      job("d", { cpus: 1000 }, 1, { role: "web", clusters: ["north"], held: running({ north: 1 }) }),
      job("b", { cpus: 2000 }, 9, { role: "lab/ml" }),
      job("c", { cpus: 1000 }, 6, { role: "lab", clusters: ["north"], held: running({ north: c }) }),
    ];
    return total(round(league([north, south], wants, roles)).limits, "c");
  };
  for (const begin of [0, 2, 4, 5, 6]) {
    let c = begin;
    for (let i = 0; i < 4; i++) c = next(c);
    expect(next(c)).toBe(c);
  }
});

test("a job goes first to partitions whose nodes it prefers, and elsewhere when they are full", () => {
  const zone = (cluster: string, zone: string) => {
    const capacity = { cpus: 2000 };
    return partition(cluster, capacity, {
      shapes: [{ count: 1, capacity, attributes: { zone }, drivers: ["process"] }],
    });
  };
  const split = (n: number, weight: number) => {
    const rules = ["zone = b"].flatMap((text) => parseConstraint(text) ?? []);
    const preferences = rules.map((rule) => ({ rule, weight }));
    const { limits } = round(
      league([zone("one", "a"), zone("two", "b")], [job("j", { cpus: 500 }, n, { preferences })]),
    );
    return Object.fromEntries(limits.get("j") ?? []);
  };
  expect(split(3, 50)).toEqual({ "two/default": 3 });
  expect(split(3, -50)).toEqual({ "one/default": 3 });
  expect(split(6, 50)).toEqual({ "one/default": 2, "two/default": 4 });
});
