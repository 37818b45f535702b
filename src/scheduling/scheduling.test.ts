import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseConstraint } from "../model/constraints.ts";
import { add, fits, type Resources } from "../model/resources.ts";
import type { WaitReason } from "../protocol/levels.ts";
import { explain } from "./explain.ts";
import { type PlaceClass, type PlaceNode, place } from "./place.ts";
import { capacityOf, type RoundCluster, type RoundJob, round } from "./round.ts";

const anyDemand = fc.record({ cpus: fc.integer({ min: 50, max: 2000 }), mem: fc.integer({ min: 50, max: 2000 }) });
const anyCluster = (name: string) =>
  fc
    .array(
      fc.record({
        count: fc.integer({ min: 1, max: 3 }),
        cpus: fc.integer({ min: 100, max: 4000 }),
        mem: fc.integer({ min: 100, max: 4000 }),
      }),
      { maxLength: 3 },
    )
    .map(
      (shapes): RoundCluster => ({
        name,
        shapes: shapes.map(({ count, ...capacity }) => ({
          count,
          capacity,
          attributes: { arch: "x64" },
          drivers: ["process"],
        })),
      }),
    );
const job = (id: string, demand: Resources, remaining: number, rest: Partial<RoundJob> = {}): RoundJob => ({
  id,
  demand,
  constraints: [],
  role: "default",
  driver: "process",
  clusters: null,
  remaining,
  held: new Map(),
  ...rest,
});
const anyLeague = fc.record({
  clusters: fc.tuple(anyCluster("a"), anyCluster("b"), anyCluster("c")),
  jobs: fc.array(fc.record({ demand: anyDemand, remaining: fc.integer({ min: 1, max: 20 }), charged: fc.nat(3) }), {
    minLength: 1,
    maxLength: 5,
  }),
});

describe("round", () => {
  test("never grants beyond capacity less what may still run, nor more than a job has", () => {
    fc.assert(
      fc.property(anyLeague, ({ clusters, jobs }) => {
        const wanted = jobs.map(({ demand, remaining, charged }, i) =>
          job(`j${i}`, demand, remaining, {
            held: charged > 0 ? new Map([["a", { charged: Math.min(charged, remaining), barred: false }]]) : new Map(),
          }),
        );
        const limits = round(clusters, wanted);
        for (const cluster of clusters) {
          let used: Resources = {};
          let kept: Resources = {};
          for (const j of wanted) {
            const charged = j.held.get(cluster.name)?.charged ?? 0;
            const limit = limits.get(j.id)?.get(cluster.name) ?? 0;
            used = add(used, j.demand, Math.max(limit, charged));
            kept = add(kept, j.demand, charged);
          }
          // What runs already may exceed a capacity that shrank; nothing is added to that.
          expect(fits(used, capacityOf(cluster)) || JSON.stringify(used) === JSON.stringify(kept)).toBe(true);
        }
        for (const j of wanted) {
          const total = [...(limits.get(j.id)?.values() ?? [])].reduce((a, b) => a + b, 0);
          expect(total).toBeLessThanOrEqual(j.remaining);
        }
      }),
    );
  });

  test("same input, same output", () => {
    fc.assert(
      fc.property(anyLeague, ({ clusters, jobs }) => {
        const wanted = () => jobs.map(({ demand, remaining }, i) => job(`j${i}`, demand, remaining));
        expect(round(clusters, wanted())).toEqual(round(clusters, wanted()));
      }),
    );
  });

  const shape = (cpus: number) => ({ count: 1, capacity: { cpus }, attributes: {}, drivers: ["process"] });
  const league = [
    { name: "north", shapes: [shape(1000)] },
    { name: "south", shapes: [shape(1000)] },
  ];

  test("two equal jobs share alike, and a lone one spreads over both clusters", () => {
    const two = round(league, [job("a", { cpus: 100 }, 99), job("b", { cpus: 100 }, 99)]);
    const total = (id: string) => [...(two.get(id)?.values() ?? [])].reduce((x, y) => x + y, 0);
    expect([total("a"), total("b")]).toEqual([10, 10]);
    expect(round(league, [job("a", { cpus: 100 }, 4)]).get("a")).toEqual(
      new Map([
        ["north", 2],
        ["south", 2],
      ]),
    );
  });

  test("a job above its share shrinks, and the other grows only into what is free", () => {
    const held = new Map([
      ["north", { charged: 10, barred: false }],
      ["south", { charged: 8, barred: false }],
    ]);
    const limits = round(league, [job("old", { cpus: 100 }, 99, { held }), job("new", { cpus: 100 }, 99)]);
    const total = (id: string) => [...(limits.get(id)?.values() ?? [])].reduce((x, y) => x + y, 0);
    expect(total("old")).toBe(10);
    expect(total("new")).toBe(2);
  });

  test("a barred or forbidden cluster gets nothing", () => {
    expect(round(league, [job("a", { cpus: 100 }, 5, { clusters: ["south"] })]).get("a")).toEqual(
      new Map([["south", 5]]),
    );
    expect(
      round(league, [job("a", { cpus: 100 }, 5, { held: new Map([["south", { charged: 0, barred: true }]]) })]).get(
        "a",
      ),
    ).toEqual(new Map([["north", 5]]));
    expect(round(league, [job("a", { cpus: 1001 }, 5)]).get("a")).toEqual(new Map());
  });
});

describe("place", () => {
  const node = (name: string, capacity: Resources, rest: Partial<PlaceNode> = {}): PlaceNode => ({
    name,
    capacity,
    used: {},
    attributes: { arch: "x64" },
    roles: null,
    drivers: ["process"],
    listening: true,
    ...rest,
  });
  const wants = (id: string, demand: Resources, n: number, rest: Partial<PlaceClass> = {}): PlaceClass => ({
    job: id,
    demand,
    constraints: [],
    role: "default",
    driver: "process",
    refusedBy: new Set(),
    room: n,
    tasks: Array.from({ length: n }, (_, index) => ({ index, avoid: null })),
    ...rest,
  });

  test("never over a node's capacity, each task once, and nothing starves that fits", () => {
    fc.assert(
      fc.property(
        fc.array(anyDemand, { minLength: 1, maxLength: 6 }),
        fc.array(fc.tuple(anyDemand, fc.integer({ min: 1, max: 10 })), { maxLength: 4 }),
        (capacities, classes) => {
          const nodes = capacities.map((capacity, i) => node(`n${i}`, capacity));
          const { placements, starved } = place(
            nodes,
            classes.map(([demand, n], i) => wants(`j${i}`, demand, n)),
          );
          const used = new Map(nodes.map((n) => [n.name, {} as Resources]));
          for (const { job: id, node: name } of placements) {
            used.set(name, add(used.get(name) ?? {}, classes[Number(id.slice(1))]?.[0] ?? {}));
          }
          for (const n of nodes) expect(fits(used.get(n.name) ?? {}, n.capacity)).toBe(true);
          expect(new Set(placements.map((p) => `${p.job}.${p.index}`)).size).toBe(placements.length);
          for (const [i, [demand, n]] of classes.entries()) {
            const placed = placements.filter((p) => p.job === `j${i}`).length;
            const fitsStill = nodes.some((candidate) =>
              fits(demand, add(candidate.capacity, used.get(candidate.name) ?? {}, -1)),
            );
            if (placed < n) expect(fitsStill).toBe(false);
            expect(starved.includes(`j${i}`)).toBe(placed < n);
          }
        },
      ),
    );
  });

  test("a task that failed on a node goes to another, or back to it when there is none", () => {
    const again = (nodes: PlaceNode[]) =>
      place(nodes, [wants("j", { cpus: 100 }, 1, { tasks: [{ index: 0, avoid: "n1" }] })]).placements;
    expect(again([node("n1", { cpus: 1000 }), node("n2", { cpus: 1000 }, { used: { cpus: 500 } })])).toEqual([
      { job: "j", index: 0, node: "n2" },
    ]);
    expect(again([node("n1", { cpus: 1000 })])).toEqual([{ job: "j", index: 0, node: "n1" }]);
  });

  test("what a node's own config does not accept is not placed on it", () => {
    const picky = node("n1", { cpus: 1000 }, { roles: ["lab"] });
    expect(place([picky], [wants("j", { cpus: 1 }, 1)]).placements).toEqual([]);
    expect(place([picky], [wants("j", { cpus: 1 }, 1, { role: "lab" })]).placements).toHaveLength(1);
    expect(
      place([node("n1", { cpus: 1000 })], [wants("j", { cpus: 1 }, 1, { refusedBy: new Set(["n1"]) })]).placements,
    ).toEqual([]);
  });
});

describe("explain", () => {
  const shape = { count: 2, capacity: { cpus: 1000, mem: 1000 }, attributes: { arch: "x64" }, drivers: ["process"] };
  const clusters: RoundCluster[] = [
    { name: "north", shapes: [shape] },
    { name: "south", shapes: [] },
  ];
  const constraint = (text: string) => {
    const parsed = parseConstraint(text);
    if (!parsed) throw new Error(text);
    return parsed;
  };
  test.each([
    ["no-nodes", [] as RoundCluster[], job("j", { cpus: 1 }, 1), null],
    ["no-nodes", clusters, job("j", { cpus: 1 }, 1, { clusters: ["south"] }), null],
    ["constraint", clusters, job("j", { cpus: 1 }, 1, { constraints: [constraint("arch = arm64")] }), null],
    ["not-accepted", [{ name: "north", shapes: [{ ...shape, roles: ["lab"] }] }], job("j", { cpus: 1 }, 1), null],
    ["never-fits", clusters, job("j", { gpus: 1000 }, 1), null],
    ["never-fits", clusters, job("j", { cpus: 1001 }, 1), null],
    ["space", clusters, job("j", { cpus: 500 }, 9), null],
    ["granting", clusters, job("j", { cpus: 500 }, 9), "granting"],
    ["holding", clusters, job("j", { cpus: 500 }, 9), "holding"],
    [
      "fragmented",
      clusters,
      job("j", { cpus: 500 }, 9, { held: new Map([["north", { charged: 0, barred: true }]]) }),
      null,
    ],
  ] satisfies [string, RoundCluster[], RoundJob, WaitReason | null][])("says %s", (reason, league, wanted, local) => {
    const explanation = explain(league, wanted, local);
    expect(explanation.reason).toBe(reason);
    expect(explanation.sentence.length).toBeGreaterThan(20);
  });

  test("the funnel counts the nodes that each clause leaves", () => {
    const { funnel } = explain(
      clusters,
      job("j", { cpus: 2000 }, 1, { constraints: [constraint("arch = x64")] }),
      null,
    );
    expect(funnel).toEqual([
      { clause: "nodes that are up", nodes: 2 },
      { clause: "arch = x64", nodes: 2 },
      { clause: "accepts role default", nodes: 2 },
      { clause: "2 cpus on one empty node", nodes: 0 },
    ]);
  });
});
