import { beforeEach, describe, expect, test } from "vitest";
import { PlayedLeague } from "../../test/support/playedLeague.ts";
import { ToyNodes } from "../../test/support/toyNodes.ts";
import { restSpec } from "../model/partition.ts";
import type { Cluster } from "./cluster.ts";

const HOLD_MS = 10_000;
const gang = { count: 3, gang: { size: 3, hold: "10s" }, resources: { cpus: 1, mem: "1MB" } };
const one = { resources: { cpus: 1, mem: "1MB" } };

let toy: ToyNodes;
beforeEach(() => {
  toy = new ToyNodes();
  for (const name of ["n1", "n2"]) toy.node(name, 2);
});

/** Until others have had their turn. */
const passTurn = () => toy.pass(2 * HOLD_MS + 1_000);

describe("a gang that went back, as it found places for two of three", () => {
  beforeEach(() => {
    toy.grant("small", { ...one, count: 2 });
    toy.grant("gang", gang);
  });

  test("may not come again while nothing has ended there, whatever another one kept and let go of", () => {
    toy.pass(HOLD_MS + 1_000);
    toy.grant("rival", gang);
    passTurn();
    expect(toy.kept()).toEqual([]);
    toy.pass(60_000);
    for (const id of ["gang", "rival"])
      expect(toy.report(id)).toMatchObject({ reason: "fragmented", waiting: 0, returned: [{ from: 0, to: 3 }] });
    toy.end("small.0");
    for (const id of ["gang", "rival"]) expect(toy.report(id)).toMatchObject({ reason: null });
  });

  test("may come again once there is another node", () => {
    passTurn();
    expect(toy.report("gang")).toMatchObject({ reason: "fragmented" });
    toy.node("n3", 1);
    expect(toy.report("gang")).toMatchObject({ reason: null });
  });

  test("may come again once others have had their turn, also after the clock was set back", () => {
    toy.pass(HOLD_MS + 1_000);
    toy.end("small.0");
    toy.home.nowMs -= 3_600_000;
    toy.speak("n1");
    toy.pass(HOLD_MS + 1_000);
    expect(toy.report("gang")).toMatchObject({ reason: null });
  });

  test("may not come again for what ends in another partition", () => {
    toy.home.call("putPartition", { spec: { ...restSpec(), name: "aside", nodes: ["node = n3"] }, position: 0 });
    toy.node("n3", 1);
    toy.grant("other", one, { limits: { aside: 1 } });
    passTurn();
    toy.end("other.0");
    expect(toy.report("gang")).toMatchObject({ reason: "fragmented" });
  });
});

test("a gang that found no places in one partition is not tried there again while it waits in another", () => {
  toy.home.call("putPartition", { spec: { ...restSpec(), name: "a", nodes: ["node = n1"] }, position: 0 });
  const both = { limits: { a: 2, default: 2 } };
  toy.grant("small", { ...one, count: 2 }, { limits: { a: 1, default: 1 } });
  const two = { ...gang, count: 2, gang: { size: 2, hold: "10s" } };
  const supply = (handout: number) => [{ from: 0, to: 2, handout, attemptsUsed: 0 }];
  toy.grant("gang", two, { limits: { a: 2 } });
  toy.pass(HOLD_MS + 1_000);
  toy.grant("gang", two, { limits: { default: 2 }, supply: supply(2) });
  passTurn();
  expect(toy.report("gang")).toMatchObject({ returned: [{ partitions: ["default"] }], lacksIn: ["a", "default"] });
  toy.end(Object.entries(toy.running("small")).find(([, node]) => node === "n1")?.[0] ?? "");
  expect(toy.report("gang")).toMatchObject({ lacksIn: ["a", "default"] });
  toy.pass(HOLD_MS);
  expect(toy.report("gang")).toMatchObject({ reason: "fragmented", lacksIn: ["default"] });
  toy.grant("gang", two, { ...both, supply: supply(3) });
  expect(Object.values(toy.running("gang"))).toEqual(["n1", "n1"]);
});

test("a gang that finds places in no partition is granted in each once, and not in turns", () => {
  const here = new PlayedLeague(["north"]);
  const aside = { ...restSpec(), name: "aside", nodes: ["aside = yes"] };
  here.at("north").call("putPartition", { spec: aside, position: 0 });
  const capacity = { cpus: 1_000, mem: 8_000_000 };
  for (const [n, attributes] of [{ aside: "yes" }, {}].entries())
    for (const name of [`a${n}`, `b${n}`, `c${n}`]) here.join("north", name, { capacity, attributes });
  const apart = [{ job: "self" as const, over: "node", required: true }];
  here.submit("small00000", { command: "true", count: 6, resources: { cpus: 0.5 }, antiAffinity: apart });
  here.pass(3_000);
  // There are 1.5 cpus in each, and 0.5 on each node.
  const halves = { count: 2, gang: { size: 2, hold: "1s" }, resources: { cpus: 0.75 } };
  here.submit("gang000000", { command: "true", ...halves });
  here.pass(60_000);
  const { gen } = (here.at("north").object as Cluster).inspect().jobs.get("gang000000") ?? { gen: 0 };
  expect(gen).toBeGreaterThan(2);
  expect(gen).toBeLessThan(8);
});

test("a gang may come again once another one, with a place of which it would have had all, lets go", () => {
  // It has its places, and is called where nobody answers.
  toy.silence("n2");
  toy.home.closeSocket(toy.nodes.get("n2")?.socket ?? "");
  toy.grant("holder", gang);
  expect(toy.kept()).toHaveLength(3);
  toy.grant("gang", gang);
  toy.pass(28_000);
  expect(toy.kept()).toHaveLength(3);
  expect(toy.report("gang")).toMatchObject({ reason: "fragmented" });
  toy.pass(3_000);
  expect(toy.kept()).toEqual([]);
  expect(toy.report("gang")).toMatchObject({ reason: null });
});

test("a gang may come again once a node is heard again, though nothing has ended there", () => {
  toy.node("n3", 2);
  toy.silence("n3");
  toy.pass(120_000);
  toy.grant("small", { ...one, count: 2 });
  toy.grant("gang", gang);
  toy.pass(4 * HOLD_MS);
  expect(toy.report("gang")).toMatchObject({ lacksIn: ["default"] });
  toy.speak("n3");
  toy.pass(60_000);
  expect(toy.report("gang")?.lacksIn).toBeUndefined();
});

test("a gang may come again where only offers are in its way, as they come back", () => {
  const { frameworks } = toy.home.object.inspect();
  toy.framework("f1", "lab", { cpus: 2_000, mem: 64_000_000 });
  toy.pass(3_000);
  expect(frameworks.offers.size).toBeGreaterThan(0);
  toy.grant("gang", gang);
  toy.pass(HOLD_MS + 1_000);
  expect(toy.report("gang")).toMatchObject({ reason: "fragmented" });
  toy.pass(HOLD_MS);
  expect(frameworks.offers.size).toBeGreaterThan(0);
  expect(toy.report("gang")).toMatchObject({ reason: null });
});
