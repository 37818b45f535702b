import { beforeEach, expect, test } from "vitest";
import { ToyNodes } from "../../test/support/toyNodes.ts";
import { type Range, size } from "../model/ranges.ts";

let toy: ToyNodes;
beforeEach(() => {
  toy = new ToyNodes();
});

const service = { count: 4, resources: { cpus: 1 } };
const supply = [{ from: 0, to: 4, handout: 1, attemptsUsed: 0 }];
const returned = (job: string) => (toy.report(job)?.returned ?? []).map(({ from, to }): Range => [from, to]);

/** Of four tasks one runs; what ran on the other node waits to be tried again. */
function loseThree(): void {
  toy.node("n1", 1);
  toy.node("n2", 3);
  toy.grant("service", service);
  expect(Object.keys(toy.running("service"))).toHaveLength(4);
  toy.silence("n2");
  toy.pass(180_000);
  expect(toy.report("service")).toMatchObject({ live: { default: 1 }, waiting: 3, returned: [] });
}

test("what is recalled goes back although it ran before, and never what runs", () => {
  loseThree();
  toy.grant("service", service, { supply, limits: { default: 1 }, recall: 4 });
  expect(toy.report("service")).toMatchObject({ live: { default: 1 }, waiting: 0 });
  expect(size(returned("service"))).toBe(3);
});

test("what may still run here stays, and what is on its way back counts", () => {
  loseThree();
  toy.grant("service", service, { supply, limits: { default: 3 }, recall: 3 });
  expect(toy.report("service")).toMatchObject({ waiting: 2 });
  toy.grant("service", service, { supply, limits: { default: 1 }, recall: 1 });
  expect(toy.report("service")).toMatchObject({ waiting: 2 });
  toy.grant("service", service, { supply, limits: { default: 1 }, recall: 2 });
  expect(toy.report("service")).toMatchObject({ waiting: 1 });
});

test("what was never handed out goes first, the last of it", () => {
  toy.node("n1", 1);
  toy.grant("service", service, { limits: { default: 1 } });
  toy.grant("service", service, { supply, limits: { default: 1 }, recall: 2 });
  expect(returned("service")).toEqual([[2, 4]]);
});

test("gangs go in whole, or not at all", () => {
  toy.node("n1", 2);
  const gangs = { count: 4, gang: { size: 2 }, resources: { cpus: 1 } };
  toy.grant("gangs", gangs, { limits: { default: 2 } });
  toy.grant("gangs", gangs, { supply, limits: { default: 2 }, recall: 1 });
  expect(toy.report("gangs")).toMatchObject({ returned: [], waiting: 2 });
  toy.grant("gangs", gangs, { supply, limits: { default: 2 }, recall: 3 });
  expect(returned("gangs")).toEqual([[2, 4]]);
});
