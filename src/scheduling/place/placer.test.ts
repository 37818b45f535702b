import fc from "fast-check";
import { expect, test } from "vitest";
import type { Resources } from "../../model/resources.ts";
import type { Asked } from "./asked.ts";
import type { Place, PlaceNode } from "./occupancy.ts";
import { ANYWHERE, jobOf, nodeOf, placerOf, put } from "./placer.fixture.ts";
import type { Placer } from "./placer.ts";

const nodesOf = (placer: Placer, asked: Asked, n: number): (string | undefined)[] =>
  Array.from({ length: n }, () => put(placer, asked)?.node);

test("parts of a gpu share one device, whole ones take devices that are wholly free", () => {
  const placer = placerOf([nodeOf("n", { cpus: 8000, gpus: 3000 })]);
  expect(put(placer, jobOf("a", { cpus: 100, gpus: 600 }))?.devices).toEqual([0]);
  expect(put(placer, jobOf("b", { cpus: 100, gpus: 600 }))?.devices).toEqual([1]);
  expect(put(placer, jobOf("c", { cpus: 100, gpus: 400 }))?.devices).toEqual([0]);
  expect(put(placer, jobOf("d", { cpus: 100, gpus: 2000 }))).toBeNull();
  expect(put(placer, jobOf("e", { cpus: 100, gpus: 1000 }))?.devices).toEqual([2]);
});

test("more than one gpu that is not whole fits nowhere", () => {
  const placer = placerOf([nodeOf("n", { cpus: 8000, gpus: 3000 })]);
  expect(placer.choose(jobOf("a", { gpus: 1500 }), ANYWHERE)).toBeNull();
});

test("a task whose devices nobody knows may use any: nothing with a gpu goes beside it", () => {
  const placer = placerOf([nodeOf("n", { cpus: 8000, gpus: 2000 })]);
  const adopted = jobOf("a", { cpus: 100, gpus: 1000 });
  const place: Place = { node: "n", devices: null, ports: [] };
  placer.add(adopted, place);
  expect(placer.choose(jobOf("b", { gpus: 500 }), ANYWHERE)).toBeNull();
  expect(placer.choose(jobOf("c", { cpus: 500 }), ANYWHERE)).not.toBeNull();
  placer.remove(adopted, place);
  expect(placer.choose(jobOf("b", { gpus: 500 }), ANYWHERE)).not.toBeNull();
});

test("a task whose ports nobody knows may have any: nothing with a port goes beside it", () => {
  const placer = placerOf([nodeOf("n", { cpus: 8000, ports: 2000 }, { ports: [[8080, 8081]] })]);
  const asks = [
    jobOf("any", { cpus: 100, ports: 1000 }),
    jobOf("fixed", { cpus: 100, ports: 1000 }, { ports: [8081] }),
  ];
  const places = () => asks.map((asked) => placer.choose(asked, ANYWHERE)?.ports ?? null);
  const adopted = jobOf("a", { cpus: 100, ports: 1000 });
  const unknown: Place = { node: "n", devices: [], ports: [] };
  placer.add(adopted, unknown);
  expect(places()).toEqual([null, null]);
  expect(placer.choose(jobOf("c", { cpus: 500 }), ANYWHERE)).not.toBeNull();
  placer.remove(adopted, unknown);
  expect(places()).toEqual([[8080], [8081]]);
  placer.setExtra("n", { ports: 1000 }, true);
  expect(places()).toEqual([null, null]);
  placer.setExtra("n", { ports: 1000 });
  expect(places()).toEqual([[8080], [8081]]);
});

test("where ports are only counted nobody need know which a task has", () => {
  const placer = placerOf([nodeOf("n", { cpus: 8000, ports: 2000 })]);
  const asked = jobOf("a", { ports: 1000 });
  expect([1, 2, 3].map(() => put(placer, asked) !== null)).toEqual([true, true, false]);
});

test("of very many gpus so many are placed on as a node may have", () => {
  const placer = placerOf([nodeOf("n", { cpus: 1000, gpus: 2 ** 43 })]);
  expect(placer.choose(jobOf("a", { gpus: 1_024_000 }), ANYWHERE)?.devices).toHaveLength(1024);
});

test("a node that has lost its gpus under a task takes others as if it never had any", () => {
  const placer = placerOf([nodeOf("n", { cpus: 1000, gpus: 2000 })]);
  const task = jobOf("a", { cpus: 100, gpus: 300 });
  const place = put(placer, task) as Place;
  placer.setNode(nodeOf("n", { cpus: 1000 }));
  expect(placer.choose(jobOf("b", { cpus: 100, gpus: 300 }), ANYWHERE)).toBeNull();
  placer.remove(task, place);
  placer.add(task, place);
  expect(placer.choose(jobOf("b", { cpus: 100, gpus: 300 }), ANYWHERE)).toBeNull();
  expect(placer.choose(jobOf("c", { cpus: 900 }), ANYWHERE)?.devices).toEqual([]);
});

test("ports that are kept in ranges are nobody's, beside those of tasks, and free again after", () => {
  const placer = placerOf([nodeOf("n", { cpus: 8000, ports: 1_001_000 }, { ports: [[31_000, 32_000]] })]);
  const task = jobOf("web", { cpus: 100, ports: 2000 }, { ports: [31_500] });
  expect(put(placer, task)?.ports).toEqual([31_500, 31_000]);
  const kept = jobOf("kept", { ports: 500_000 });
  const place: Place = {
    node: "n",
    devices: null,
    ports: [],
    portRanges: [
      [31_001, 31_499],
      [31_999, 32_000],
    ],
  };
  placer.add(kept, place);
  expect(placer.freePortsOn("n")).toEqual([[31_501, 31_998]]);
  expect(placer.choose(jobOf("x", { ports: 1000 }, { ports: [32_000] }), ANYWHERE)).toBeNull();
  expect(placer.choose(jobOf("y", { ports: 1000 }), ANYWHERE)?.ports).toEqual([31_501]);
  placer.remove(kept, place);
  expect(placer.freePortsOn("n")).toEqual([
    [31_001, 31_499],
    [31_501, 32_000],
  ]);
});

test("ports are given by number, those that a job must have to one task of a node", () => {
  const placer = placerOf([
    nodeOf(
      "n",
      { cpus: 8000, ports: 4000 },
      {
        ports: [
          [8080, 8081],
          [9000, 9001],
        ],
      },
    ),
  ]);
  const web = jobOf("web", { cpus: 100, ports: 2000 }, { ports: [8081] });
  expect(put(placer, web)?.ports).toEqual([8081, 8080]);
  expect(placer.choose(web, ANYWHERE)).toBeNull();
  expect(placer.choose(jobOf("x", { cpus: 100, ports: 1000 }, { ports: [7000] }), ANYWHERE)).toBeNull();
  expect(put(placer, jobOf("y", { cpus: 100, ports: 2000 }))?.ports).toEqual([9000, 9001]);
  expect(placer.choose(jobOf("z", { cpus: 100, ports: 1000 }), ANYWHERE)).toBeNull();
});

test("any counted resource bounds as cpus do, also one that came later", () => {
  const placer = placerOf([nodeOf("a", { cpus: 1000 })]);
  placer.setNode(nodeOf("b", { cpus: 1000, licences: 2000 }));
  placer.setState("b", "listening");
  const licensed = jobOf("j", { cpus: 100, licences: 1000 });
  expect(nodesOf(placer, licensed, 3)).toEqual(["b", "b", undefined]);
});

test("rules of affinity go before packing, the heavier before the lighter, and keep nobody out", () => {
  const placer = placerOf([
    nodeOf("plain", { cpus: 200 }),
    nodeOf("ssd", { cpus: 200 }, { attributes: { ssd: "yes" } }),
    nodeOf("old", { cpus: 200 }, { attributes: { ssd: "yes", age: "9" } }),
  ]);
  const picky = jobOf("j", { cpus: 100 }, { affinity: ["has ssd"], antiAffinity: [{ rule: "age > 5", weight: 60 }] });
  expect(nodesOf(placer, picky, 7)).toEqual(["ssd", "ssd", "plain", "plain", "old", "old", undefined]);
});

test("a job goes beside another one's tasks, or away from them, by node or by any attribute", () => {
  const zone = (name: string, zone: string) => nodeOf(name, { cpus: 1000 }, { attributes: { zone } });
  const fresh = () => placerOf([zone("a1", "a"), zone("a2", "a"), zone("b1", "b")]);
  const cache = jobOf("cache", { cpus: 100 });
  const beside = fresh();
  beside.add(cache, { node: "b1", devices: [], ports: [] });
  expect(put(beside, jobOf("web", { cpus: 100 }, { affinity: [{ job: "cache" }] }))?.node).toBe("b1");
  const away = fresh();
  away.add(cache, { node: "a2", devices: [], ports: [] });
  expect(put(away, jobOf("noisy", { cpus: 100 }, { antiAffinity: [{ job: "cache", over: "zone" }] }))?.node).toBe("b1");
});

test("what must be apart is apart, also from one that asked for it first", () => {
  const placer = placerOf([nodeOf("n1", { cpus: 1000 }), nodeOf("n2", { cpus: 1000 })]);
  const lone = jobOf("lone", { cpus: 100 }, { antiAffinity: [{ job: "self", required: true }] });
  expect(nodesOf(placer, lone, 3)).toEqual(["n1", "n2", undefined]);
  const shy = placerOf([nodeOf("n1", { cpus: 1000 }), nodeOf("n2", { cpus: 1000 })]);
  expect(put(shy, jobOf("shy", { cpus: 100 }, { antiAffinity: [{ job: "loud", required: true }] }))?.node).toBe("n1");
  expect(nodesOf(shy, jobOf("loud", { cpus: 500 }), 3)).toEqual(["n2", "n2", undefined]);
});

test("tasks are spread over the values of an attribute, the second attribute within the first", () => {
  const at = (name: string, zone: string, rack: string) => nodeOf(name, { cpus: 1000 }, { attributes: { zone, rack } });
  const nodes = [at("a1", "a", "r1"), at("a2", "a", "r2"), at("b1", "b", "r3"), at("b2", "b", "r3")];
  const zones = nodesOf(placerOf(nodes), jobOf("j", { cpus: 100 }, { spread: "zone" }), 4).map((name) => name?.[0]);
  expect(zones.sort()).toEqual(["a", "a", "b", "b"]);
  const racks = nodesOf(placerOf(nodes), jobOf("j", { cpus: 100 }, { spread: ["zone", "rack"] }), 4);
  expect(racks.filter((name) => name?.startsWith("a")).sort()).toEqual(["a1", "a2"]);
  const each = nodesOf(placerOf(nodes), jobOf("j", { cpus: 100 }, { spread: "node" }), 4);
  expect(each.sort()).toEqual(["a1", "a2", "b1", "b2"]);
});

test("a gang gets places for all of its tasks or for none, and nothing is taken by asking", () => {
  const placer = placerOf([nodeOf("n1", { cpus: 250 }), nodeOf("n2", { cpus: 250 })]);
  const gang = jobOf("g", { cpus: 100 });
  expect(placer.together(gang, ANYWHERE, 5)).toBeNull();
  expect(placer.together(gang, ANYWHERE, 4)?.map(({ node }) => node)).toEqual(["n1", "n1", "n2", "n2"]);
  expect(placer.together(gang, ANYWHERE, 4)).toHaveLength(4);
});

test("who would fit once others are gone is told without their going", () => {
  const placer = placerOf([nodeOf("n", { cpus: 1000, gpus: 1000 })]);
  const small = jobOf("s", { cpus: 100, gpus: 300 });
  const place = put(placer, small) as Place;
  const large = jobOf("l", { cpus: 100, gpus: 1000 });
  expect(placer.fits(large, "n")).toBe(false);
  expect(placer.fitsWithout(large, "n", [{ asked: small, place }])).toBe(true);
  expect(placer.fits(large, "n")).toBe(false);
});

test("the place on one node is found whether it is up or not, if it is of the partition and has room", () => {
  const placer = placerOf([nodeOf("n", { cpus: 2000, gpus: 1000 }), nodeOf("m", { cpus: 2000, gpus: 1000 })]);
  placer.setState("n", "down");
  const task = jobOf("a", { cpus: 1000, gpus: 1000 });
  const { partition } = ANYWHERE;
  expect(placer.placeAt(task, "other", "n")).toBeNull();
  const place = placer.placeAt(task, partition, "n") as Place;
  expect(place).toEqual({ node: "n", devices: [0], ports: [] });
  placer.add(task, place);
  expect(placer.placeAt(task, partition, "n")).toBeNull();
});

test("a node that is deaf or down, of another partition, or does not accept the role, gets nothing", () => {
  const placer = placerOf([nodeOf("n", { cpus: 1000 }, { roles: ["lab"] })]);
  const job = jobOf("j", { cpus: 100 }, { role: "lab/ml" });
  expect(placer.choose(jobOf("k", { cpus: 100 }), ANYWHERE)).toBeNull();
  expect(placer.choose(job, { ...ANYWHERE, partition: "other" })).toBeNull();
  placer.setState("n", "deaf");
  expect(placer.choose(job, ANYWHERE)).toBeNull();
  expect(placer.choose(job, { ...ANYWHERE, reach: "up" })).not.toBeNull();
  placer.setState("n", "down");
  expect(placer.choose(job, { ...ANYWHERE, reach: "up" })).toBeNull();
});

const anyNode = fc.record({
  name: fc.constantFrom("a", "b", "c", "d", "e"),
  cpus: fc.constantFrom(1000, 2000, 4000),
  gpus: fc.constantFrom(0, 0, 1000, 2000, 2500),
  zone: fc.constantFrom("x", "y"),
  licences: fc.constantFrom(0, 1000),
});
const anyStep = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant("node" as const), node: anyNode }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("gone" as const), name: fc.constantFrom("a", "b", "c") }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("put" as const), job: fc.nat(5) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("end" as const), which: fc.nat() }) },
);
const JOBS = [
  jobOf("0", { cpus: 300 }),
  jobOf("1", { cpus: 100, gpus: 300 }),
  jobOf("2", { cpus: 500, gpus: 1000 }, { constraints: ["zone = x"] }),
  jobOf("3", { cpus: 200, licences: 500 }, { spread: "zone" }),
  jobOf("4", { cpus: 200 }, { antiAffinity: [{ job: "self", required: true }], affinity: ["zone = y"] }),
  jobOf("5", { cpus: 200, gpus: 2000 }, { affinity: [{ job: "1", over: "zone" }] }),
];

test("whatever came and went, it decides as one that is built anew from what there is, and never over a node", () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 40 }), (steps) => {
      const placer = placerOf([]);
      const there = new Map<string, PlaceNode>();
      let running: { asked: Asked; place: Place }[] = [];
      for (const step of steps) {
        if (step.do === "node") {
          const { name, cpus, gpus, zone, licences } = step.node;
          const node = nodeOf(name, { cpus, gpus, licences }, { attributes: { zone } });
          there.set(name, node);
          placer.setNode(node);
          placer.setState(name, "listening");
        } else if (step.do === "gone") {
          there.delete(step.name);
          placer.removeNode(step.name);
        } else if (step.do === "end") {
          const [ended] = running.splice(step.which % Math.max(1, running.length), 1);
          if (ended) placer.remove(ended.asked, ended.place);
        } else {
          const asked = JOBS[step.job] as Asked;
          const place = put(placer, asked);
          if (place === null) continue;
          running = [...running, { asked, place }];
          expectWithin(there.get(place.node) as PlaceNode, running);
        }
      }
      // Ties go to the node that was there first.
      const anew = placerOf([...there.values()]);
      for (const { asked, place } of running) anew.add(asked, place);
      for (const asked of JOBS) {
        const [before, after] = [placer, anew].map((one) => one.choose(asked, ANYWHERE));
        expect(before === null).toBe(after === null);
        for (const name of there.keys()) expect(placer.fits(asked, name)).toBe(anew.fits(asked, name));
        for (const name of there.keys()) expect(placer.freeOn(name)).toEqual(anew.freeOn(name));
      }
    }),
    { numRuns: 300 },
  );
});

/** Of a node that shrank under what runs there, only what was placed since is within it. */
function expectWithin({ name, capacity }: PlaceNode, running: readonly { asked: Asked; place: Place }[]): void {
  const newest = running.at(-1);
  const used: Record<string, number> = {};
  for (const { asked, place } of running) {
    // What is on a device that the node has no longer takes none of those that it has.
    const isGone = (place.devices ?? []).some((device) => device * 1000 >= (capacity.gpus ?? 0));
    if (place.node !== name || isGone) continue;
    for (const [resource, amount] of Object.entries(asked.demand)) used[resource] = (used[resource] ?? 0) + amount;
  }
  for (const resource of Object.keys(newest?.asked.demand ?? {}))
    expect(used[resource] ?? 0).toBeLessThanOrEqual((capacity as Resources)[resource] ?? 0);
}
