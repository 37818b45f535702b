/** A gang to which room is due: all its places are made at once, or nobody is stopped for it. */
import { beforeEach, describe, expect, test } from "vitest";
import { ToyNodes } from "../../test/support/toyNodes.ts";
import type { JobSpecInput } from "../model/job.ts";
import type { PartitionView } from "../model/views.ts";
import type { Claim, Grant } from "../protocol/levels.ts";

let toy: ToyNodes;
beforeEach(() => {
  toy = new ToyNodes();
});

const supply = (count: number) => [{ from: 0, to: count, handout: 1, attemptsUsed: 0 }];
const guests = (count: number, rest: Partial<JobSpecInput> = {}): Partial<JobSpecInput> => ({
  count,
  resources: { cpus: 1 },
  role: "web",
  ...rest,
});
const gang = (count: number, rest: Partial<JobSpecInput> = {}): Partial<JobSpecInput> => ({
  count,
  gang: true,
  resources: { cpus: 1 },
  role: "lab",
  ...rest,
});
/** Down to so many of its tasks may be stopped for others' own. */
const lends = (keep: number, count: number): Partial<Grant> => ({
  limits: { default: keep },
  supply: supply(count),
  yields: { lent: { default: count - keep }, lower: {}, keep: { default: keep } },
});
const claims = (own: number, terms: Partial<Claim> = {}, count = own): Partial<Grant> => ({
  limits: {},
  supply: supply(count),
  claim: { own: { default: own }, priority: {}, graceMs: 10_000, minRunMs: 0, ...terms },
});
const tasksOf = (job: string) => Object.keys(toy.running(`${job}.`)).sort();
const startsOf = (job: string) =>
  new Set(toy.started.filter(({ task }) => task.startsWith(job)).map(({ atMs }) => atMs));
const amounts = () => (toy.home.call("partition", { name: "default" }) as PartitionView).amounts;

describe("on two nodes that are lent", () => {
  beforeEach(() => {
    toy.node("n1", 4);
    toy.node("n2", 4);
    toy.grant("guest", guests(8));
    expect(tasksOf("guest")).toHaveLength(8);
  });

  test("all its places are made after the grace, and it starts in them together", () => {
    toy.grant("guest", guests(8), lends(2, 8));
    toy.grant("owner", gang(6), claims(6));
    toy.pass(9_000);
    expect(tasksOf("guest")).toHaveLength(8);
    toy.pass(2_000);
    expect(tasksOf("guest")).toHaveLength(2);
    expect(tasksOf("owner")).toEqual([]);
    expect(toy.kept()).toHaveLength(6);
    expect(toy.report("owner")).toMatchObject({ waiting: 6, room: { default: 6 } });
    expect(amounts()).toMatchObject({ reserved: { cpus: 6_000 }, used: { cpus: 2_000 } });
    toy.grant("other", guests(6));
    expect(tasksOf("other")).toEqual([]);
    toy.grant("owner", gang(6), { supply: supply(6) });
    expect(tasksOf("owner")).toHaveLength(6);
    expect(startsOf("owner").size).toBe(1);
    toy.pass(3_000);
    expect(toy.report("owner")).not.toHaveProperty("room");
    expect(toy.kept()).toEqual([]);
    expect(tasksOf("guest")).toHaveLength(2);
  });

  test("nobody is stopped when not all can be had: it goes back whole, and comes again after others' turn", () => {
    toy.grant("guest", guests(8), lends(3, 8));
    toy.grant("owner", gang(6, { gang: { hold: "30s" } }), claims(6));
    toy.pass(24_000);
    expect(toy.report("owner")).toMatchObject({ waiting: 6, returned: [] });
    toy.pass(2_000);
    expect(toy.report("owner")).toMatchObject({
      waiting: 0,
      reason: "fragmented",
      returned: [{ from: 0, to: 6, reason: "fragmented", partitions: ["default"] }],
    });
    expect(tasksOf("guest")).toHaveLength(8);
    expect(toy.kept()).toEqual([]);
    toy.pass(25_000);
    expect(toy.report("owner")).toMatchObject({ reason: "fragmented" });
    toy.pass(10_000);
    expect(toy.report("owner")).toMatchObject({ reason: null });
  });

  test("who has run for less than minRun is not chosen for some of them either", () => {
    toy.end("guest.0");
    toy.pass(30_000);
    toy.grant("young", guests(1));
    toy.grant("young", guests(1), lends(0, 1));
    toy.grant("guest", guests(8), {
      ...lends(6, 8),
      yields: { lent: { default: 1 }, lower: {}, keep: { default: 6 } },
    });
    toy.grant("owner", gang(2), claims(2, { graceMs: 0, minRunMs: 60_000 }));
    toy.pass(59_000);
    expect([...tasksOf("guest"), ...tasksOf("young")]).toHaveLength(8);
    toy.pass(2_000);
    expect(tasksOf("young")).toEqual([]);
    expect(tasksOf("guest")).toHaveLength(6);
  });

  test("after a restart its places are made again, and nobody is stopped twice for it", () => {
    toy.grant("guest", guests(8), lends(2, 8));
    toy.grant("owner", gang(4), claims(4));
    toy.pass(11_000);
    expect(tasksOf("guest")).toHaveLength(4);
    toy.home.crash();
    toy.pass(5_000);
    expect(toy.report("owner")).toMatchObject({ room: { default: 4 } });
    toy.grant("owner", gang(4), { supply: supply(4) });
    toy.pass(1_000);
    expect(tasksOf("owner")).toHaveLength(4);
    expect(startsOf("owner").size).toBe(1);
    expect(tasksOf("guest")).toHaveLength(4);
  });

  test("what stops when the object is rebuilt still makes room for it", () => {
    toy.grant("guest", guests(8), lends(2, 8));
    toy.silence("n1");
    toy.grant("owner", gang(4), claims(4, { graceMs: 0 }));
    const stopping = () =>
      [...(toy.home.object.inspect().jobs.get("guest")?.live.values() ?? [])].filter((live) => live.stopping !== null);
    const before = stopping().length + 8 - (toy.home.object.inspect().jobs.get("guest")?.live.size ?? 0);
    expect(before).toBe(4);
    toy.home.crash();
    toy.pass(1_000);
    toy.speak("n1");
    toy.pass(1_000);
    expect(tasksOf("guest")).toHaveLength(4);
    expect(toy.kept()).toHaveLength(4);
  });

  test("what is free is kept first, and no more are stopped than it lacks", () => {
    toy.grant("guest", guests(8), lends(2, 8));
    toy.grant("owner", gang(4), claims(4));
    toy.pass(5_000);
    for (const task of ["guest.0", "guest.1", "guest.2"]) toy.end(task);
    toy.pass(6_000);
    expect(tasksOf("guest")).toHaveLength(4);
    expect(toy.report("owner")).toMatchObject({ room: { default: 4 } });
  });

  test("it is let go of when its victims are not gone in time, or the Broker lets it not start", () => {
    toy.grant("guest", guests(8), lends(0, 8));
    toy.grant("owner", gang(8), claims(8, { graceMs: 0 }));
    expect(toy.kept()).toHaveLength(8);
    toy.grant("other", guests(2));
    toy.pass(59_000);
    expect(tasksOf("other")).toEqual([]);
    toy.pass(2_000);
    expect(tasksOf("other")).toHaveLength(2);
    expect(toy.report("owner")).toMatchObject({ waiting: 0, returned: [{ from: 0, to: 8, reason: "surplus" }] });
  });

  test("a node with places that falls silent has all of them let go", () => {
    toy.grant("guest", guests(8), lends(0, 8));
    toy.silence("n1");
    toy.grant("owner", gang(8), claims(8, { graceMs: 0 }));
    expect(tasksOf("guest")).toHaveLength(4);
    toy.grant("other", guests(2));
    toy.pass(10_000);
    expect(tasksOf("other")).toEqual([]);
    toy.pass(55_000);
    expect(Object.values(toy.running("other."))).toEqual(["n2", "n2"]);
  });

  test("two gangs that claim both start, each whole", () => {
    toy.grant("guest", guests(8), lends(0, 8));
    toy.grant("first", gang(3), claims(3));
    toy.grant("second", gang(5), claims(5));
    toy.pass(11_000);
    expect(toy.kept()).toHaveLength(8);
    toy.grant("second", gang(5), { supply: supply(5) });
    toy.grant("first", gang(3), { supply: supply(3) });
    expect([tasksOf("first").length, tasksOf("second").length]).toEqual([3, 5]);
  });

  test("of two for which only one has places the other keeps none of them, and goes back", () => {
    toy.grant("guest", guests(8), lends(2, 8));
    toy.grant("first", gang(4), claims(4));
    toy.grant("second", gang(5), claims(5));
    toy.pass(11_000);
    expect(tasksOf("guest")).toHaveLength(4);
    expect(toy.kept()).toHaveLength(4);
    toy.grant("first", gang(4), { supply: supply(4) });
    toy.pass(16_000);
    expect(tasksOf("first")).toHaveLength(4);
    expect(toy.report("second")).toMatchObject({ waiting: 0, returned: [{ reason: "fragmented" }] });
    expect(tasksOf("guest")).toHaveLength(4);
  });

  test("gangs of one job that claims for some of them have room made one by one", () => {
    const gangs = gang(6, { gang: { size: 2 } });
    toy.grant("guest", guests(8), lends(2, 8));
    toy.grant("owner", gangs, claims(4, {}, 6));
    toy.pass(11_000);
    expect(tasksOf("guest")).toHaveLength(4);
    toy.grant("owner", gangs, { limits: { default: 4 }, supply: supply(6) });
    expect(tasksOf("owner")).toEqual(["owner.0", "owner.1", "owner.2", "owner.3"]);
  });

  test("one that keeps places while others are missing, and one that claims, both start in the end", () => {
    toy.end("guest.0");
    toy.grant("holder", gang(2, { role: "desk", gang: { hold: "60s" } }));
    expect(toy.kept()).toHaveLength(1);
    toy.grant("guest", guests(8), lends(3, 7));
    toy.grant("owner", gang(4), claims(4, { graceMs: 0 }));
    expect(toy.kept()).toHaveLength(5);
    toy.grant("owner", gang(4), { supply: supply(4) });
    expect(tasksOf("owner")).toHaveLength(4);
    expect(tasksOf("holder")).toEqual([]);
    toy.end("owner.0");
    expect(tasksOf("holder")).toHaveLength(2);
  });
});

test("whoever is spare beside a gang that goes as a whole runs on", () => {
  for (const name of ["n1", "n2", "n3"]) toy.node(name, 1);
  toy.grant("pair", guests(2, { gang: true }));
  toy.pass(5_000);
  toy.grant("single", guests(1));
  toy.grant("pair", guests(2, { gang: true }), lends(0, 2));
  toy.grant("single", guests(1), lends(0, 1));
  toy.pass(1_000);
  toy.grant("owner", gang(2), claims(2, { graceMs: 0 }));
  toy.pass(1_000);
  expect(Object.keys(toy.running())).toEqual(["single.0"]);
});

test("its places are on devices of its own", () => {
  const capacity = { cpus: 8_000, mem: 64_000_000, gpus: 2_000 };
  for (const name of ["n1", "n2"]) toy.node(name, 8, { capacity });
  const gpus = { resources: { cpus: 1, gpus: 1 } };
  toy.grant("guest", guests(4, gpus));
  toy.grant("guest", guests(4, gpus), lends(1, 4));
  toy.grant("owner", gang(3, gpus), claims(3, { graceMs: 0 }));
  toy.grant("other", guests(1, gpus));
  toy.grant("owner", gang(3, gpus), { supply: supply(3) });
  expect(tasksOf("owner")).toHaveLength(3);
  const used = [...(toy.home.object.inspect().jobs.get("owner")?.live.values() ?? [])];
  expect(new Set(used.map(({ node, devices }) => `${node}/${devices}`)).size).toBe(3);
  expect(tasksOf("other")).toEqual([]);
});
