import { expect, test } from "vitest";
import type { AttributeConstraint } from "../../model/framework.ts";
import type { Inventory } from "../../protocol/agent.ts";
import { isSuitable } from "./constraints.ts";

const inventory: Inventory = { capacity: { cpus: 1000 }, attributes: {}, drivers: ["process"], version: "test" };
const attributes = { rack: "r1", region: "eu", zone: "eu-1", hostname: "h1" };
const suits = (groups: readonly (readonly AttributeConstraint[])[] | null, of: Inventory = inventory): boolean =>
  isSuitable(of, attributes, { capabilities: [] }, { role: "lab", constraints: groups });

const rack = (predicate: AttributeConstraint["predicate"]): AttributeConstraint => ({
  selector: { attribute: "rack" },
  predicate,
});

test("any group is enough, of a group all must hold, none at all holds nowhere", () => {
  const yes = rack({ is: "equals", value: "r1" });
  const no = rack({ is: "equals", value: "r2" });
  expect(suits(null)).toBe(true);
  expect(suits([])).toBe(false);
  expect(suits([[yes]])).toBe(true);
  expect(suits([[yes, no]])).toBe(false);
  expect(suits([[yes, no], [yes]])).toBe(true);
});

test.each<[AttributeConstraint["predicate"], boolean, boolean]>([
  [{ is: "exists" }, true, false],
  [{ is: "not-exists" }, false, true],
  [{ is: "equals", value: "r1" }, true, false],
  [{ is: "not-equals", value: "r1" }, false, true],
  [{ is: "matches", regex: "r\\d" }, true, false],
  [{ is: "matches", regex: "r" }, false, false],
  [{ is: "not-matches", regex: "r\\d" }, false, true],
])("%j: of an attribute that is there, and of one that is not", (predicate, there, absent) => {
  expect(suits([[rack(predicate)]])).toBe(there);
  expect(suits([[{ selector: { attribute: "row" }, predicate }]])).toBe(absent);
});

test("region, zone and host name are asked for as what they are", () => {
  for (const [pseudo, value] of [
    ["REGION", "eu"],
    ["ZONE", "eu-1"],
    ["HOSTNAME", "h1"],
  ] as const)
    expect(suits([[{ selector: { pseudo }, predicate: { is: "equals", value } }]])).toBe(true);
});

test("nodes of other roles, and nodes with gpus, are not for everyone", () => {
  expect(suits(null, { ...inventory, roles: ["lab"] })).toBe(true);
  expect(suits(null, { ...inventory, roles: ["shop"] })).toBe(false);
  const gpus = { ...inventory, capacity: { cpus: 1000, gpus: 1000 } };
  expect(suits(null, gpus)).toBe(false);
  expect(isSuitable(gpus, {}, { capabilities: ["GPU_RESOURCES"] }, { role: "lab", constraints: null })).toBe(true);
});
