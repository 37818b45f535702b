import { beforeEach, describe, expect, test } from "vitest";
import { ToyNodes } from "../../test/support/toyNodes.ts";

let toy: ToyNodes;
beforeEach(() => {
  toy = new ToyNodes();
});
const task = { resources: { cpus: 1 } };
const supply = (count: number) => [{ from: 0, to: count, handout: 1, attemptsUsed: 0 }];
/** The object sleeps after ten seconds without anything to do, and its own alarms wake it. */
const LIFE_MS = 12_000;

describe("an object that sleeps between its alarms", () => {
  test("serves a claim once its grace is over", () => {
    for (const name of ["n1", "n2"]) toy.node(name, 1);
    const guest = { ...task, count: 2, role: "web" };
    const yields = { lent: { default: 1 }, lower: {}, keep: { default: 1 } };
    toy.grant("guest", guest);
    toy.grant("guest", guest, { limits: { default: 1 }, supply: supply(2), yields });
    const claim = { own: { default: 1 }, priority: {}, graceMs: 30_000, minRunMs: 0 };
    toy.grant("owner", { ...task, role: "lab" }, { limits: {}, supply: supply(1), claim });
    toy.sleep(2, LIFE_MS);
    expect(Object.keys(toy.running("guest"))).toHaveLength(2);
    toy.sleep(2, LIFE_MS);
    expect(Object.keys(toy.running("guest"))).toHaveLength(1);
  });

  test.each([LIFE_MS, 9_000])("lets a gang keep places for its hold and no longer: lives of %i ms", (lifeMs) => {
    for (const name of ["n1", "n2"]) toy.node(name, 1);
    toy.grant("small", task);
    toy.grant("gang", { ...task, count: 2, gang: { hold: "60s" } });
    toy.grant("other", task);
    toy.sleep(Math.floor(50_000 / lifeMs), lifeMs);
    expect(toy.report("gang")).toMatchObject({ waiting: 2 });
    toy.sleep(Math.ceil(50_000 / lifeMs), lifeMs);
    expect(toy.report("gang")).toMatchObject({ waiting: 0 });
    expect(Object.keys(toy.running("other"))).toEqual(["other.0"]);
  });

  test("does not forget that a gang lets others have their turn", () => {
    for (const name of ["n1", "n2"]) toy.node(name, 1);
    toy.grant("small", task);
    toy.grant("gang", { ...task, count: 2, gang: { hold: "60s" } });
    toy.sleep(6, LIFE_MS);
    const restUntil = () => toy.home.object.inspect().gangTimes.restUntil.get("gang");
    const before = restUntil();
    expect(before).toBeGreaterThan(toy.home.nowMs);
    toy.home.crash();
    expect(restUntil()).toBe(before);
  });

  test("does not forget that a gang found no places, and whether it may find some by now", () => {
    for (const name of ["n1", "n2"]) toy.node(name, 1);
    toy.grant("small", task);
    toy.grant("gang", { ...task, count: 2, gang: { hold: "60s" } });
    toy.sleep(12, LIFE_MS);
    expect(toy.report("gang")).toMatchObject({ waiting: 0, reason: "fragmented" });
    toy.end("small.0");
    expect(toy.report("gang")).toMatchObject({ reason: null });
  });

  test("does not forget that something has ended where a gang found no places", () => {
    for (const name of ["n1", "n2", "n3"]) toy.node(name, 1);
    toy.grant("small", { ...task, count: 2 });
    toy.grant("gang", { ...task, count: 3, gang: { hold: "60s" } });
    toy.sleep(6, LIFE_MS);
    toy.end("small.0");
    toy.sleep(3, LIFE_MS);
    expect(toy.report("gang")).toMatchObject({ waiting: 0, reason: "fragmented" });
    toy.sleep(2, LIFE_MS);
    expect(toy.report("gang")).toMatchObject({ reason: null });
  });

  test("gives back what is fragmented", () => {
    for (const name of ["n1", "n2"]) toy.node(name, 2);
    toy.grant("small", { ...task, count: 2, spread: ["node"] });
    toy.grant("large", { resources: { cpus: 2 } });
    toy.sleep(1, LIFE_MS);
    expect(toy.report("large")).toMatchObject({ waiting: 1 });
    toy.sleep(2, LIFE_MS);
    expect(toy.report("large")).toMatchObject({ waiting: 0, returned: [{ reason: "fragmented" }] });
  });

  test("gives back what a drain stopped and what finds no other place", () => {
    for (const name of ["n1", "n2"]) toy.node(name, 1);
    toy.grant("work", { ...task, count: 2 });
    toy.home.call("drainNode", { name: "n1", deadlineMs: 0, forMs: null });
    toy.settle();
    toy.sleep(1, LIFE_MS);
    expect(toy.report("work")).toMatchObject({ waiting: 1 });
    toy.sleep(2, LIFE_MS);
    expect(toy.report("work")).toMatchObject({ waiting: 0, returned: [{ reason: "drained" }] });
  });

  test("gives back what waits while all nodes are silent", () => {
    toy.node("n1", 1);
    toy.grant("work", { ...task, count: 2 });
    toy.silence("n1");
    toy.sleep(10, LIFE_MS);
    expect(toy.report("work")).toMatchObject({
      waiting: 0,
      returned: expect.arrayContaining([expect.objectContaining({ reason: "does-not-fit" })]),
    });
  });

  test("gives back what waits for a node that ran nothing and is gone", () => {
    toy.node("n1", 1);
    toy.silence("n1");
    toy.home.closeSocket(toy.nodes.get("n1")?.socket ?? "");
    toy.grant("work", task);
    toy.nap(120_000);
    expect(toy.report("work")).toMatchObject({ waiting: 0 });
  });
});

test("a clock that jumped back while the object slept prolongs no wait", () => {
  for (const name of ["n1", "n2"]) toy.node(name, 1);
  toy.grant("small", task);
  toy.grant("gang", { ...task, count: 2, gang: { hold: "60s" } });
  toy.sleep(1, LIFE_MS);
  toy.home.nowMs -= 3_600_000;
  toy.home.crash();
  for (const node of toy.nodes.values()) node.polledAt = 0;
  const latest = toy.home.nowMs + 60_000;
  expect([...toy.home.object.inspect().gangTimes.byGang.values()].map(({ untilMs }) => untilMs)).toEqual([latest]);
});

test("a wait that goes on writes no row", () => {
  for (const name of ["n1", "n2"]) toy.node(name, 1);
  toy.grant("small", task);
  toy.grant("gang", { ...task, count: 2, gang: { hold: "60s" } });
  const { rowsWritten } = toy.home;
  for (let i = 0; i < 10; i++) toy.home.call("node", { name: "n1" });
  expect(toy.home.rowsWritten).toBe(rowsWritten);
});
