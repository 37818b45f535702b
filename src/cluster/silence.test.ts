import { beforeEach, expect, test } from "vitest";
import { ToyNodes } from "../../test/support/toyNodes.ts";

let toy: ToyNodes;
beforeEach(() => {
  toy = new ToyNodes();
});
const task = { resources: { cpus: 1 } };

test("a node whose poll is held is not taken for silent because the object slept", () => {
  toy.node("n1", 4);
  toy.grant("small", task);
  toy.home.nowMs += 1_000;
  toy.home.crash();
  toy.settle();
  // Its poll is held for 25 s.
  toy.home.nowMs += 12_000;
  toy.home.fireAlarm();
  toy.home.crash();
  toy.settle();
  toy.grant("other", task);
  expect(toy.running("other")).toEqual({ "other.0": "n1" });
});

test("a node that is late, and not yet silent, is used after the object slept", () => {
  toy.node("n1", 4);
  toy.grant("small", task);
  toy.home.nowMs += 40_000;
  toy.home.fireAlarm();
  toy.home.crash();
  toy.settle();
  expect(toy.home.call("node", { name: "n1" })).toMatchObject({ state: "up" });
});

test("a node that was silent is so after the object slept", () => {
  toy.node("n1", 4);
  toy.grant("small", task);
  toy.silence("n1");
  toy.pass(65_000);
  toy.home.crash();
  expect(toy.home.call("node", { name: "n1" })).toMatchObject({ state: "suspect" });
});

test("what fell silent together is known to have, also when the object was rebuilt meanwhile", () => {
  for (let n = 1; n <= 12; n++) toy.node(`n${n}`, 4);
  toy.grant("first", { ...task, disconnect: { stopAfter: "2m" } });
  const [at = ""] = Object.values(toy.running("first"));
  const spared = [...toy.nodes.keys()].filter((name) => name !== at).slice(0, 5);
  for (const name of toy.nodes.keys()) if (!spared.includes(name)) toy.silence(name);
  toy.pass(200_000);
  toy.home.crash();
  toy.pass(240_000);
  expect(toy.started.map(({ task }) => task)).toEqual(["first.0"]);
  toy.pass(60_000);
  expect(toy.started.map(({ task }) => task)).toEqual(["first.0", "first.0"]);
});
