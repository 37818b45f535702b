import { beforeEach, describe, expect, test } from "vitest";
import { wish } from "../../test/support/playedFramework.ts";
import { ToyNodes } from "../../test/support/toyNodes.ts";
import { restSpec } from "../model/partition.ts";
import type { FrameworkLevel } from "../protocol/frameworks.ts";

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

  test("may not come again for what ends in another partition", () => {
    toy.home.call("putPartition", { spec: { ...restSpec(), name: "aside", nodes: ["node = n3"] }, position: 0 });
    toy.node("n3", 1);
    toy.grant("other", one, { limits: { aside: 1 } });
    passTurn();
    toy.end("other.0");
    expect(toy.report("gang")).toMatchObject({ reason: "fragmented" });
  });
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

test("a gang may come again where only offers are in its way, as they come back", () => {
  const { incarnation, frameworks } = toy.home.object.inspect();
  const lab = {
    id: "f1",
    rev: 1,
    state: "active",
    name: "f1",
    user: "root",
    principal: null,
    checkpoint: false,
  } as const;
  const level: FrameworkLevel = { ...lab, capabilities: ["MULTI_ROLE"], roles: [wish("lab")] };
  const limits = { lab: { default: { cpus: 2_000, mem: 64_000_000 } } };
  const message = { incarnation: 1, clusterIncarnation: incarnation, grants: [] };
  toy.home.call("grant", { ...message, frameworks: [{ gen: 1, level, limits }] });
  toy.pass(3_000);
  expect(frameworks.offers.size).toBeGreaterThan(0);
  toy.grant("gang", gang);
  toy.pass(HOLD_MS + 1_000);
  expect(toy.report("gang")).toMatchObject({ reason: "fragmented" });
  toy.pass(HOLD_MS);
  expect(frameworks.offers.size).toBeGreaterThan(0);
  expect(toy.report("gang")).toMatchObject({ reason: null });
});
