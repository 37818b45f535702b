import { expect, test } from "vitest";
import { wish } from "../../../test/support/playedFramework.ts";
import type { Inventory } from "../../protocol/agent.ts";
import type { FrameworkLevel, FrameworkWish } from "../../protocol/frameworks.ts";
import { RoleHere } from "./state.ts";
import { Suitability, type SuitedNode } from "./suitability.ts";

const ON_A: FrameworkWish["constraints"] = [
  [{ selector: { attribute: "rack" }, predicate: { is: "equals", value: "a" } }],
];

const level = (rest: Partial<FrameworkLevel> = {}): FrameworkLevel => ({
  id: "f",
  rev: 1,
  state: "active",
  name: "f",
  user: "ann",
  principal: null,
  checkpoint: false,
  capabilities: [],
  roles: [],
  ...rest,
});

function scene(...racks: string[]) {
  const node = (name: string, rack: string, rest: Partial<SuitedNode> = {}): SuitedNode => {
    const inventory: Inventory = { capacity: { cpus: 1000 }, attributes: { rack }, drivers: ["process"], version: "1" };
    return { name, inventory, removed: false, ...rest };
  };
  const nodes = new Map(racks.map((rack, n) => [`n${n}`, node(`n${n}`, rack)]));
  const looked: string[] = [];
  const suitability = new Suitability({
    nodes,
    attributesOf: (one) => {
      looked.push(one.name);
      return one.inventory?.attributes ?? {};
    },
    numberOf: (name) => Number(name.slice(1)),
  });
  return {
    suitability,
    /** names of nodes that were asked about since, taken */
    looked: () => looked.splice(0),
    change: (name: string, rack: string, rest: Partial<SuitedNode> = {}) => {
      const changed = node(name, rack, rest);
      nodes.set(name, changed);
      suitability.nodeChanged(changed);
    },
  };
}

test("roles that ask the same of nodes are one question, also of other frameworks", () => {
  const { suitability, looked } = scene("a", "b", "a");
  const role = (name: string) => new RoleHere(wish(name, { constraints: ON_A }));
  expect([...suitability.unsuitableFor(level(), role("lab"))]).toEqual([1]);
  expect(looked()).toEqual(["n0", "n1", "n2"]);
  expect([...suitability.unsuitableFor(level(), role("lab"))]).toEqual([1]);
  expect(looked()).toEqual([]);
  expect([...suitability.unsuitableFor(level(), role("other"))]).toEqual([1]);
  expect([...suitability.unsuitableFor(level({ capabilities: ["GPU_RESOURCES"] }), role("lab"))]).toEqual([1]);
  expect(suitability.kinds).toBe(3);
});

test("a node that is otherwise is asked about alone", () => {
  const { suitability, looked, change } = scene("a", "b", "a");
  const [here, role] = [level(), new RoleHere(wish("lab", { constraints: ON_A }))];
  suitability.unsuitableFor(here, role);
  looked();
  change("n2", "b");
  change("n1", "a");
  expect([...suitability.unsuitableFor(here, role)]).toEqual([2]);
  change("n3", "c");
  expect([...suitability.unsuitableFor(here, role)]).toEqual([2, 3]);
  change("n3", "c", { removed: true });
  expect([...suitability.unsuitableFor(here, role)]).toEqual([2]);
  expect(looked()).toEqual(["n2", "n1", "n3", "n3"]);
});

test("who asks otherwise has another answer, and what nobody asks any more is forgotten", () => {
  const { suitability } = scene("a", "b", "a");
  const role = new RoleHere(wish("lab", { constraints: ON_A }));
  suitability.unsuitableFor(level(), role);
  role.wish = wish("lab");
  expect([...suitability.unsuitableFor(level(), role)]).toEqual([]);
  expect(suitability.kinds).toBe(1);
  suitability.forget(role);
  expect(suitability.kinds).toBe(0);
});
