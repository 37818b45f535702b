import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { jobSpecSchema, type Template, templateOf } from "../../model/job.ts";
import { add, fits, type Resources } from "../../model/resources.ts";
import { askedOf } from "./asked.ts";
import type { PlaceNode } from "./occupancy.ts";
import { type PlaceClass, type Placement, type PlacePartition, place } from "./place.ts";
import { Placer } from "./placer.ts";

interface TestNode extends PlaceNode {
  used: Resources;
  listening: boolean;
}
const node = (name: string, capacity: Resources, rest: Partial<TestNode> = {}): TestNode => ({
  name,
  capacity,
  used: {},
  attributes: { arch: "x64", node: name },
  roles: null,
  drivers: ["process"],
  partitions: ["default"],
  ports: [],
  listening: true,
  ...rest,
});
const template = (spec: object): Template => templateOf(jobSpecSchema.parse({ command: "true", ...spec }));
const wants = (
  id: string,
  demand: Resources,
  n: number,
  { job = {}, role = "default", ...rest }: Partial<PlaceClass> & { job?: object; role?: string } = {},
): PlaceClass => ({
  asked: askedOf(id, { ...template({ name: id, ...job }), resources: demand, role }),
  priority: 50,
  refusedBy: new Set(),
  room: n,
  rooms: { default: n },
  tasks: Array.from({ length: n }, (_, index) => ({ index, avoid: null })),
  ...rest,
});
/** All that its nodes have free. */
const whole = (nodes: readonly TestNode[], pack: PlacePartition["pack"] = "spread"): Map<string, PlacePartition> => {
  const free = nodes.reduce((sum: Resources, n) => add(add(sum, n.capacity), n.used, -1), {});
  return new Map([["default", { free, pack }]]);
};
const placerOf = (nodes: readonly TestNode[]): Placer => {
  const placer = new Placer();
  for (const each of nodes) {
    placer.setNode(each);
    placer.setExtra(each.name, each.used);
    placer.setState(each.name, each.listening ? "listening" : "deaf");
  }
  return placer;
};
const run = (
  nodes: readonly TestNode[],
  classes: readonly PlaceClass[],
  partitions = whole(nodes),
  placer = placerOf(nodes),
) => {
  const placements: Placement[] = [];
  const byJob = new Map(classes.map(({ asked }) => [asked.job.id, asked]));
  const { starved, awaited } = place(placer, partitions, classes, { reach: "listening" }, (placement) => {
    placer.add(byJob.get(placement.job) as PlaceClass["asked"], placement);
    placements.push(placement);
  });
  return { placements, starved, awaited };
};
const placed = (nodes: TestNode[], classes: PlaceClass[], partitions = whole(nodes)) =>
  run(nodes, classes, partitions).placements;

const anyDemand = fc.record({ cpus: fc.integer({ min: 50, max: 2000 }), mem: fc.integer({ min: 50, max: 2000 }) });

test("never over a node's capacity, each task once, and nothing starves that fits", () => {
  fc.assert(
    fc.property(
      fc.array(anyDemand, { minLength: 1, maxLength: 6 }),
      fc.array(fc.tuple(anyDemand, fc.integer({ min: 1, max: 10 })), { maxLength: 4 }),
      fc.constantFrom("pack" as const, "spread" as const),
      (capacities, classes, pack) => {
        const nodes = capacities.map((capacity, i) => node(`n${i}`, capacity));
        const { placements, starved } = run(
          nodes,
          classes.map(([demand, n], i) => wants(`j${i}`, demand, n)),
          whole(nodes, pack),
        );
        const used = new Map(nodes.map((n) => [n.name, {} as Resources]));
        for (const { job: id, node: name } of placements) {
          used.set(name, add(used.get(name) ?? {}, classes[Number(id.slice(1))]?.[0] ?? {}));
        }
        for (const n of nodes) expect(fits(used.get(n.name) ?? {}, n.capacity)).toBe(true);
        expect(new Set(placements.map((p) => `${p.job}.${p.index}`)).size).toBe(placements.length);
        for (const [i, [demand, n]] of classes.entries()) {
          const count = placements.filter((p) => p.job === `j${i}`).length;
          const fitsStill = nodes.some((candidate) =>
            fits(demand, add(candidate.capacity, used.get(candidate.name) ?? {}, -1)),
          );
          if (count < n) expect(fitsStill).toBe(false);
          expect(starved.includes(`j${i}`)).toBe(count < n);
        }
      },
    ),
  );
});

test("a task that failed on a node goes to another, or back to it when there is none", () => {
  const again = (nodes: TestNode[]) =>
    placed(nodes, [wants("j", { cpus: 100 }, 1, { tasks: [{ index: 0, avoid: "n1" }] })]);
  expect(again([node("n1", { cpus: 1000 }), node("n2", { cpus: 1000 }, { used: { cpus: 500 } })])).toMatchObject([
    { index: 0, node: "n2" },
  ]);
  expect(again([node("n1", { cpus: 1000 })])).toMatchObject([{ index: 0, node: "n1" }]);
});

test("however many tasks avoid the node that listens, only so much is asked in one turn", () => {
  const placer = placerOf([node("n0", { cpus: 100_000 }), node("deaf", { cpus: 100_000 }, { listening: false })]);
  const choose = vi.spyOn(placer, "choose");
  const tasks = Array.from({ length: 5_000 }, (_, index) => ({ index, avoid: index < 4_000 ? "n0" : null }));
  const job = wants("j", { cpus: 1 }, 500, { tasks });
  const placements: number[] = [];
  const partitions = new Map([["default", { free: { cpus: 200_000 }, pack: "pack" as const }]]);
  place(placer, partitions, [job], { reach: "listening" }, (one) => {
    placer.add(job.asked, one);
    placements.push(one.index);
  });
  // Those behind them are not kept waiting.
  expect(placements).toEqual(Array.from({ length: 500 }, (_, i) => 4_000 + i));
  expect(choose.mock.calls.length).toBeLessThan(2_000);
});

test("what a node's own config does not accept is not placed on it; what is under a role that it names is", () => {
  const picky = node("n1", { cpus: 1000 }, { roles: ["lab"] });
  expect(placed([picky], [wants("j", { cpus: 1 }, 1)])).toEqual([]);
  expect(placed([picky], [wants("j", { cpus: 1 }, 1, { role: "labor" })])).toEqual([]);
  expect(placed([picky], [wants("j", { cpus: 1 }, 1, { role: "lab/ml" })])).toHaveLength(1);
  const open = node("n1", { cpus: 1000 });
  expect(placed([open], [wants("j", { cpus: 1 }, 1, { refusedBy: new Set(["n1"]) })])).toEqual([]);
});

test("a partition that packs fills one node before it begins the next, one that spreads does not", () => {
  const nodes = [node("n1", { cpus: 400 }), node("n2", { cpus: 400 })];
  const on = (pack: "pack" | "spread") =>
    placed(nodes, [wants("j", { cpus: 100 }, 4)], whole(nodes, pack)).map((p) => p.node);
  expect(on("pack")).toEqual(["n1", "n1", "n1", "n1"]);
  expect(on("spread").sort()).toEqual(["n1", "n1", "n2", "n2"]);
});

test("a slice gives no more than its budget, and a job no more than its limit there", () => {
  const nodes = [node("n1", { cpus: 1000 }, { partitions: ["lab", "default"] })];
  const partitions = new Map<string, PlacePartition>([
    ["lab", { free: { cpus: 300 }, pack: "spread" }],
    ["default", { free: { cpus: 700 }, pack: "spread" }],
  ]);
  const byPartition = (rooms: Record<string, number>) => {
    const counts: Record<string, number> = {};
    for (const { partition } of placed(nodes, [wants("j", { cpus: 100 }, 9, { rooms })], partitions))
      counts[partition] = (counts[partition] ?? 0) + 1;
    return counts;
  };
  expect(byPartition({ lab: 9 })).toEqual({ lab: 3 });
  expect(byPartition({ lab: 2, default: 1 })).toEqual({ lab: 2, default: 1 });
  expect(byPartition({ lab: 9, default: 9 })).toEqual({ lab: 3, default: 6 });
});

test("who prefers a node that listens soon waits for it while patient, and goes where it can when not", () => {
  const zone = (name: string, zone: string, listening: boolean) =>
    node(name, { cpus: 1000 }, { attributes: { zone, node: name }, listening });
  const nodes = [zone("a", "a", true), zone("b", "b", false)];
  const spread = (isPatient: boolean) => {
    const placer = placerOf(nodes);
    placer.setState("b", "soon");
    const { placements, awaited } = run(
      nodes,
      [wants("j", { cpus: 100 }, 3, { job: { spread: "zone" }, isPatient })],
      whole(nodes),
      placer,
    );
    return { nodes: placements.map((one) => one.node), awaited: [...awaited.values()] };
  };
  expect(spread(true)).toEqual({ nodes: ["a"], awaited: ["b"] });
  expect(spread(false)).toEqual({ nodes: ["a", "a", "a"], awaited: [] });
  const plain = run(nodes, [wants("j", { cpus: 100 }, 3, { isPatient: true })]);
  expect(plain.placements.map((one) => one.node)).toEqual(["a", "a", "a"]);
});
