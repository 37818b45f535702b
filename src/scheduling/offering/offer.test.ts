import { expect, test } from "vitest";
import { add, type Resources, subtract } from "../../model/resources.ts";
import type { RolePolicy } from "../../model/role.ts";
import type { RoundFramework, RoundInput, RoundPartition } from "../input.ts";
import { job, league, partition, running, total } from "../round.fixture.ts";
import { round } from "../round.ts";

const HERE = "here/default";

const framework = (key: string, role: string, rest: Partial<RoundFramework> = {}): RoundFramework => ({
  key,
  role,
  used: new Map(),
  offered: new Map(),
  takes: new Map(),
  wants: "more",
  minimum: [{ cpus: 10 }, { mem: 32_000 }],
  takesGpus: false,
  served: 0,
  ...rest,
});

/** One cluster whose nodes each have that much free; `used` is what others have of it. */
function here(rooms: Resources[], more: Resources = {}, rest: Partial<RoundPartition> = {}): RoundPartition {
  const usable = rooms.reduce((sum: Resources, one) => add(sum, one), more);
  return partition("here", usable, { rooms: rooms.map((free) => ({ nodes: 1, free })), ...rest });
}

const offered = (input: RoundInput, key: string, at = HERE): Resources => {
  const limits = round(input).offers.get(key) ?? new Map<string, Resources>();
  const { used, offered: held } = input.frameworks?.find((one) => one.key === key) ?? framework("", "");
  return positive(subtract(subtract(limits.get(at) ?? {}, used.get(at) ?? {}), held.get(at) ?? {}));
};
const positive = (amounts: Resources): Resources =>
  Object.fromEntries(Object.entries(amounts).filter(([, amount]) => amount !== 0));

const cpus = (n: number, mem = 1024): Resources => ({ cpus: n * 1000, mem: mem * 1000 });

test("CoarseGrained: of two nodes each of two frameworks gets a whole one", () => {
  const frameworks = [framework("a", "r1"), framework("b", "r1")];
  const input = league([here([cpus(2), cpus(2)])], [], {}, { frameworks });
  expect(offered(input, "a")).toEqual(cpus(2));
  expect(offered(input, "b")).toEqual(cpus(2));
});

test("SameShareFairness: one node that is given back ten times goes to each of two frameworks five times", () => {
  const served = { a: 0, b: 0 };
  for (let n = 0; n < 10; n++) {
    const frameworks = [
      framework("a", "default", { served: served.a }),
      framework("b", "default", { served: served.b }),
    ];
    const { offers } = round(league([here([cpus(2)])], [], {}, { frameworks }));
    for (const key of ["a", "b"] as const) if ((offers.get(key)?.get(HERE)?.cpus ?? 0) > 0) served[key] += 1;
  }
  expect(served).toEqual({ a: 5, b: 5 });
});

test("AllocationCountTieBreak: of equal shares the one that was offered to least often is next", () => {
  const counts = { a: 1, b: 1, c: 3, d: 2, e: 1 };
  const frameworks = Object.entries(counts).map(([key, served]) => framework(key, "default", { served }));
  const offeredTo = (nodes: number) => {
    const rooms = Array.from({ length: nodes }, () => cpus(2));
    const { offers } = round(league([here(rooms)], [], {}, { frameworks }));
    return frameworks.map(({ key }) => key).filter((key) => (offers.get(key)?.get(HERE)?.cpus ?? 0) > 0);
  };
  expect([1, 2, 3, 4, 5].map(offeredTo)).toEqual([
    ["a"],
    ["a", "b"],
    ["a", "b", "e"],
    ["a", "b", "d", "e"],
    ["a", "b", "c", "d", "e"],
  ]);
});

test("Allocatable: less than a hundredth of a cpu and 32 MiB is never offered, either alone is", () => {
  const offeredOf = (free: Resources) =>
    offered(league([here([free])], [], {}, { frameworks: [framework("a", "r")] }), "a");
  expect(offeredOf({ cpus: 9, mem: 31_000 })).toEqual({});
  expect(offeredOf({ cpus: 10, mem: 0 })).toEqual({ cpus: 10 });
  expect(offeredOf({ mem: 32_000 })).toEqual({ mem: 32_000 });
});

test("FrameworkMinAllocatable: its own minimum wins", () => {
  const picky = framework("a", "r", { minimum: [cpus(4, 0)] });
  expect(offered(league([here([cpus(2)])], [], {}, { frameworks: [picky] }), "a")).toEqual({});
  const anything = framework("a", "r", { minimum: [] });
  expect(offered(league([here([{ mem: 1000 }])], [], {}, { frameworks: [anything] }), "a")).toEqual({ mem: 1000 });
});

test("QuotaProvidesLimit: nothing with a limit of nothing, then exactly a part", () => {
  const limited = (limit: Resources) =>
    league([here([cpus(2)])], [], { r: { limit } }, { frameworks: [framework("a", "r")] });
  expect(offered(limited({ cpus: 0, mem: 0 }), "a")).toEqual({});
  expect(offered(limited(cpus(1, 512)), "a")).toEqual(cpus(1, 512));
});

const quota = (amounts: Resources): Partial<RolePolicy> => ({
  guarantee: amounts,
  lend: Object.fromEntries(Object.keys(amounts).map((name) => [name, 0])),
});

test("QuotaProvidesGuarantee: what it declines is offered to nobody else", () => {
  const roles = { quota: { ...quota(cpus(2)), limit: cpus(2) } };
  const asks = (takes: RoundFramework["takes"]) => [framework("q", "quota", { takes }), framework("n", "none")];
  const both = [cpus(1, 512), cpus(1, 512)];
  const input = (takes: RoundFramework["takes"] = new Map()) =>
    league([here(both)], [], roles, { frameworks: asks(takes) });
  expect(offered(input(), "q")).toEqual(cpus(2));
  expect(offered(input(), "n")).toEqual({});
  const declined = input(new Map([[HERE, { nodes: 0, amounts: {} }]]));
  expect(offered(declined, "q")).toEqual({});
  expect(offered(declined, "n")).toEqual({});
});

test("QuotaRoleAllocateNonQuotaResource: of what its quota does not name it gets what no other quota needs", () => {
  const ofCpus = { q: { ...quota({ cpus: 2000 }), limit: { cpus: 2000 } } };
  const input = (roles: Record<string, Partial<RolePolicy>>) =>
    league([here([cpus(2)])], [], { ...ofCpus, ...roles }, { frameworks: [framework("a", "q")] });
  expect(offered(input({}), "a")).toEqual(cpus(2));
  expect(offered(input({ other: quota({ mem: 1_024_000 }) }), "a")).toEqual({ cpus: 2000 });
});

test("QuotaAgainstStarvation: a framework that declines all has no say over one with a guarantee", () => {
  const frameworks = [framework("low", "low"), framework("starved", "starved", { used: new Map([[HERE, cpus(2)]]) })];
  const input = (roles: Record<string, Partial<RolePolicy>>) =>
    league([here([cpus(1)], cpus(2))], [], roles, { frameworks });
  expect(offered(input({}), "low")).toEqual(cpus(1));
  expect(offered(input({ starved: { guarantee: cpus(4, 4096) } }), "starved")).toEqual(cpus(1));
});

test("ReservedDRF: what is used elsewhere by the same role counts", () => {
  const frameworks = [
    framework("a", "r1", { used: new Map([[HERE, cpus(10)]]) }),
    framework("b", "r1"),
    framework("c", "r2"),
  ];
  const input = league([here([cpus(2, 512)], cpus(10))], [], {}, { frameworks });
  expect(offered(input, "c")).toEqual(cpus(2, 512));
  // In its role the one that has nothing is next.
  const inRole = league([here([cpus(2, 512)], cpus(10))], [], {}, { frameworks: frameworks.slice(0, 2) });
  expect(offered(inRole, "b")).toEqual(cpus(2, 512));
});

test("one that is idle leaves what a limit allows to one that is not, and both to a job when both are", () => {
  const idleIn = new Set(["here"]);
  const limit = { r: { limit: { cpus: 3000 } } };
  const two = (rest: Partial<RoundFramework>) => [framework("a", "r", { idleIn }), framework("b", "r", rest)];
  const input = (rest: Partial<RoundFramework>, jobs: ReturnType<typeof job>[] = []) =>
    league([here([cpus(4), cpus(4)])], jobs, limit, { frameworks: two(rest) });
  expect([offered(input({}), "a").cpus ?? 0, offered(input({}), "b").cpus]).toEqual([0, 3000]);
  const { limits } = round(input({ idleIn }, [job("j", { cpus: 1000 }, 9, { role: "r" })]));
  expect(total(limits, "j")).toBe(3);
});

test("what is offered stays offered, also when another has less", () => {
  const frameworks = [framework("a", "r1", { offered: new Map([[HERE, cpus(2)]]) }), framework("b", "r2")];
  const { offers } = round(league([here([], cpus(2))], [], {}, { frameworks }));
  expect(offers.get("a")?.get(HERE)).toEqual(cpus(2));
  expect(offers.get("b")?.size).toBe(0);
});

test("offers of one that is away are taken back, and what its tasks use is not", () => {
  const away = framework("a", "r", {
    offered: new Map([[HERE, cpus(2)]]),
    used: new Map([[HERE, cpus(1)]]),
    wants: "never",
  });
  const { offers } = round(league([here([], cpus(3, 2048))], [], {}, { frameworks: [away] }));
  expect(offers.get("a")?.get(HERE)).toEqual(cpus(1));
});

test("jobs take what is only offered, up to their share", () => {
  const holder = framework("a", "r1", { offered: new Map([[HERE, cpus(4, 4096)]]) });
  const waiting = job("j", { cpus: 1000 }, 10, { role: "r2" });
  const input = league([here([], cpus(4, 4096))], [waiting], {}, { frameworks: [holder] });
  const { limits, offers } = round(input);
  expect(total(limits, "j")).toBeGreaterThanOrEqual(2);
  expect((offers.get("a")?.get(HERE)?.cpus ?? 0) + total(limits, "j") * 1000).toBeLessThanOrEqual(4000);
});

test("a backlog of jobs leaves a framework of another role its share", () => {
  const eight = [1, 2, 3, 4, 5, 6, 7, 8].map(() => cpus(1));
  const backlog = job("j", { cpus: 1000, mem: 1_024_000 }, 100, { role: "r2" });
  const input = league([here(eight)], [backlog], {}, { frameworks: [framework("a", "r1")] });
  const { limits } = round(input);
  expect(total(limits, "j")).toBe(4);
  expect(offered(input, "a")).toEqual(cpus(4, 4096));
});

test("what frameworks use is used: jobs are not granted it, and it counts in the share of their role", () => {
  const user = framework("a", "r1", { used: new Map([[HERE, cpus(4, 4096)]]), wants: "no" });
  const two = [job("j1", { cpus: 1000 }, 10, { role: "r1" }), job("j2", { cpus: 1000 }, 10, { role: "r2" })];
  const { limits } = round(league([here([], cpus(8, 8192))], two, {}, { frameworks: [user] }));
  expect(total(limits, "j1")).toBe(0);
  expect(total(limits, "j2")).toBe(4);
});

test("what a framework runs in a partition that is no more counts in the limits of its role", () => {
  const frameworks = [framework("a", "r", { used: new Map([["here/gone", cpus(2, 64)]]) }), framework("b", "r")];
  const jobs = [job("j", cpus(1, 64), 5, { role: "r" })];
  const limited = { r: { limit: { cpus: 3000 } } };
  const byOffer = league([here([cpus(4)])], [], limited, { frameworks });
  expect(offered(byOffer, "b")).toMatchObject({ cpus: 1000 });
  const byJob = league([here([cpus(4)])], jobs, limited, { frameworks: frameworks.slice(0, 1) });
  expect(total(round(byJob).limits, "j")).toBe(1);
});

test("an owner's jobs get their own back from offers to others", () => {
  const own = { owner: "lab", lendable: {} };
  const guest = framework("a", "guest", { offered: new Map([[HERE, cpus(4, 4096)]]) });
  const owners = job("j", { cpus: 1000, mem: 1_024_000 }, 4, { role: "lab" });
  const { limits, offers } = round(
    league([here([], cpus(4, 4096), { ...own, lendable: cpus(4, 4096) })], [owners], {}, { frameworks: [guest] }),
  );
  expect(total(limits, "j")).toBe(4);
  expect(offers.get("a")?.get(HERE)?.cpus ?? 0).toBe(0);
});

test("what jobs run and are granted is not offered", () => {
  const two = job("j", cpus(1), 2, { role: "r2", held: running({ here: 1 }) });
  const input = league([here([cpus(3, 3072)], cpus(1))], [two], {}, { frameworks: [framework("a", "r1")] });
  expect(total(round(input).limits, "j")).toBe(2);
  expect(offered(input, "a")).toEqual(cpus(2, 2048));
});

test("what offers that are on their way back keep from others is seen once, not beside what is offered anew", () => {
  const room = (n: number, mem: number) => ({ cpus: n * 1000, mem: mem * 1_000_000 });
  const rooms = [
    { nodes: 1, free: room(8, 4) },
    { nodes: 1, free: room(4, 16) },
  ];
  const shapes = rooms.map(({ free }) => ({ count: 1, capacity: free, attributes: {}, drivers: ["process"] }));
  const south = partition("south", room(12, 20), { owner: "lab/ml", speed: 2, rooms, shapes });
  const north = partition("north", room(4, 4), { owner: "default" });
  const takes = new Map([
    ["north/default", { nodes: 0, amounts: {} }],
    ["south/default", { nodes: 1, amounts: room(4, 16) }],
  ]);
  const back = (key: string, role: string, mem: number) =>
    framework(key, role, { takes, mayUse: new Map([["south/default", { mem: mem * 1_000_000 }]]) });
  const frameworks = [back("a", "default", 16), back("b", "web", 3)];
  const short = job("short", room(1, 0.064), 12, { role: "lab", priority: 20, held: running({ north: 2, south: 2 }) });
  const other = job("other", room(2, 0.064), 7, { held: running({ north: 2 }) });
  const history = new Map([
    ["default", { cpus: 47, mem: 162_720 }],
    ["lab", { cpus: 19, mem: 165_449 }],
    ["web", { mem: 161_246 }],
  ]);
  const input = league([north, south], [short, other], {}, { frameworks, history, objective: "completion-time" });
  expect(round(input).limits.get("short")?.get("south/default")).toBe(10);
});
