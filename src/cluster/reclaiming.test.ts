import { beforeEach, describe, expect, test } from "vitest";
import { ToyNodes } from "../../test/support/toyNodes.ts";
import type { JobSpecInput } from "../model/job.ts";
import { restSpec } from "../model/partition.ts";
import type { PartitionView } from "../model/views.ts";
import type { Claim, Grant } from "../protocol/levels.ts";

let toy: ToyNodes;
beforeEach(() => {
  toy = new ToyNodes();
});

const supply = (count: number) => [{ from: 0, to: count, handout: 1, attemptsUsed: 0 }];
const one = (count: number, rest: Partial<JobSpecInput> = {}): Partial<JobSpecInput> => ({
  count,
  resources: { cpus: 1 },
  role: "web",
  ...rest,
});
/** Down to so many of its tasks may be stopped for others' own. */
const lends = (keep: number, count: number): Partial<Grant> => ({
  limits: { default: keep },
  supply: supply(count),
  yields: { lent: { default: count - keep }, lower: {}, keep: { default: keep } },
});
const claims = (own: number, terms: Partial<Claim> = {}): Partial<Grant> => ({
  limits: {},
  supply: supply(own),
  claim: { own: { default: own }, priority: {}, graceMs: 10_000, minRunMs: 0, ...terms },
});
const amounts = () => (toy.home.call("partition", { name: "default" }) as PartitionView).amounts;
const tasksOf = (job: string) => Object.keys(toy.running(`${job}.`)).sort();

describe("room", () => {
  beforeEach(() => {
    toy.node("n1", 4);
    toy.node("n2", 4);
    toy.grant("guest", one(8));
    expect(tasksOf("guest")).toHaveLength(8);
  });

  test("is made after the grace, for as many as claim it; they start there when the Broker has heard of it", () => {
    toy.grant("guest", one(8), lends(5, 8));
    toy.grant("owner", one(3, { role: "lab" }), claims(3));
    toy.pass(9_000);
    expect(tasksOf("guest")).toHaveLength(8);
    toy.pass(2_000);
    expect(tasksOf("guest")).toHaveLength(5);
    expect(tasksOf("owner")).toEqual([]);
    expect(toy.report("owner")).toMatchObject({ waiting: 3, room: { default: 3 } });
    expect(toy.report("guest")?.returned).toMatchObject(
      [1, 1, 1].map(() => ({ reason: "reclaimed", attemptsUsed: 0 })),
    );
    expect(amounts()).toMatchObject({ total: { cpus: 8_000 }, reserved: { cpus: 3_000 }, used: { cpus: 5_000 } });
    // What others may use of it is kept from them.
    toy.grant("other", one(3));
    expect(tasksOf("other")).toEqual([]);
    toy.grant("owner", one(3, { role: "lab" }), { supply: supply(3) });
    expect(tasksOf("owner")).toHaveLength(3);
    toy.pass(3_000);
    expect(toy.report("owner")).not.toHaveProperty("room");
    expect(tasksOf("guest")).toHaveLength(5);
    expect(amounts()).toMatchObject({ used: { cpus: 8_000 }, reserved: {} });
  });

  test("is not made when enough ends before, nor for whom the Broker lets claim no more", () => {
    toy.grant("guest", one(8), lends(7, 8));
    toy.grant("owner", one(1, { role: "lab" }), claims(1));
    toy.pass(5_000);
    toy.end("guest.0");
    toy.grant("owner", one(1, { role: "lab" }), { supply: supply(1) });
    expect(tasksOf("owner")).toHaveLength(1);
    toy.pass(20_000);
    expect(tasksOf("guest")).toHaveLength(7);
  });

  test("is not made of more than yields, whatever ended or was stopped since", () => {
    toy.grant("guest", one(8), lends(6, 8));
    toy.grant("owner", one(4, { role: "lab" }), claims(4));
    toy.pass(5_000);
    toy.end("guest.0");
    toy.pass(6_000);
    expect(tasksOf("guest")).toHaveLength(6);
    toy.pass(10_000);
    expect(tasksOf("guest")).toHaveLength(6);
  });

  test("is made again after a restart, and for nobody twice", () => {
    toy.grant("guest", one(8), lends(5, 8));
    toy.grant("owner", one(1, { role: "lab" }), claims(1));
    toy.pass(11_000);
    expect(tasksOf("guest")).toHaveLength(7);
    toy.home.crash();
    toy.pass(5_000);
    toy.grant("owner", one(1, { role: "lab" }), { supply: supply(1) });
    toy.pass(30_000);
    expect(tasksOf("owner")).toHaveLength(1);
    expect(tasksOf("guest")).toHaveLength(7);
  });

  test("is left to others when who claimed it is cancelled", () => {
    toy.grant("guest", one(8), lends(7, 8));
    toy.grant("owner", one(1, { role: "lab" }), claims(1));
    toy.pass(11_000);
    toy.grant("owner", one(1, { role: "lab" }), { action: "cancel", limits: {}, supply: supply(1) });
    toy.grant("other", one(1));
    expect(tasksOf("other")).toHaveLength(1);
  });

  test("for which no node has enough that may be stopped is given back", () => {
    toy.grant("guest", one(8), lends(7, 8));
    toy.grant("owner", one(1, { role: "lab", resources: { cpus: 2 } }), claims(1));
    toy.pass(20_000);
    expect(toy.report("owner")).toMatchObject({ waiting: 1, returned: [] });
    toy.pass(10_000);
    expect(toy.report("owner")).toMatchObject({
      waiting: 0,
      reason: "fragmented",
      returned: [{ reason: "fragmented", partitions: ["default"] }],
    });
    expect(tasksOf("guest")).toHaveLength(8);
  });
});

test("those go that lose least: the latest, on the node where fewest are needed", () => {
  toy.node("n1", 4);
  toy.grant("guest", one(8));
  toy.pass(60_000);
  toy.node("n2", 4);
  expect(tasksOf("guest")).toHaveLength(8);
  toy.grant("guest", one(8), lends(4, 8));
  toy.grant("owner", one(1, { role: "lab", resources: { cpus: 3 } }), claims(1, { graceMs: 0 }));
  toy.pass(1_000);
  expect(Object.values(toy.running("guest.")).sort()).toEqual(["n1", "n1", "n1", "n1", "n2"]);
});

test("who has run for less than minRun is left alone until it has", () => {
  toy.node("n1", 2);
  toy.grant("guest", one(2));
  toy.grant("guest", one(2), lends(0, 2));
  toy.grant("owner", one(1, { role: "lab" }), claims(1, { graceMs: 0, minRunMs: 60_000 }));
  toy.pass(59_000);
  expect(tasksOf("guest")).toHaveLength(2);
  toy.pass(2_000);
  expect(tasksOf("guest")).toHaveLength(1);
});

test("by priority only the lower of the same role go", () => {
  toy.node("n1", 3);
  const yields = { lent: {}, lower: { default: 1 }, keep: {} };
  const jobs = {
    lower: one(1, { priority: 10 }),
    equal: one(1, { priority: 90 }),
    foreign: one(1, { role: "lab", priority: 10 }),
  };
  for (const [name, spec] of Object.entries(jobs)) toy.grant(name, spec);
  for (const [name, spec] of Object.entries(jobs)) toy.grant(name, spec, { limits: {}, supply: supply(1), yields });
  const claim = { own: {}, priority: { default: 3 }, graceMs: 0, minRunMs: 0 };
  toy.grant("high", one(3, { priority: 90 }), { limits: {}, supply: supply(3), claim });
  toy.pass(5_000);
  expect(Object.keys(toy.running()).sort()).toEqual(["equal.0", "foreign.0"]);
});

test("a gang goes as a whole, and its loss is that of all", () => {
  toy.node("n1", 1);
  toy.node("n2", 1);
  toy.node("n3", 1);
  toy.grant("gang", one(2, { gang: true }));
  toy.grant("single", one(1));
  toy.grant("gang", one(2, { gang: true }), lends(0, 2));
  toy.grant("single", one(1), lends(0, 1));
  toy.pass(1_000);
  toy.grant("owner", one(1, { role: "lab" }), claims(1, { graceMs: 0 }));
  toy.pass(1_000);
  expect(Object.keys(toy.running()).sort()).toEqual(["gang.0", "gang.1"]);
  toy.grant("single", one(1), { supply: supply(1) });
  toy.grant("owner", one(2, { role: "lab" }), { ...claims(2, { graceMs: 0 }), limits: { default: 1 } });
  toy.pass(1_000);
  expect(Object.keys(toy.running("gang."))).toEqual([]);
});

test("nobody is stopped for a claim where a node has room by now that nobody else was promised: that is kept", () => {
  toy.node("n1", 1);
  toy.node("n2", 1);
  toy.grant("guest", one(1));
  toy.grant("third", one(1));
  toy.grant("guest", one(1), lends(0, 1));
  toy.grant("owner", one(1, { role: "lab" }), claims(1));
  toy.pass(9_000);
  toy.end("third.0");
  toy.pass(2_000);
  expect(tasksOf("guest")).toEqual(["guest.0"]);
  expect(toy.report("owner")).toMatchObject({ room: { default: 1 } });
  toy.grant("owner", one(1, { role: "lab" }), { supply: supply(1) });
  expect(tasksOf("owner")).toEqual(["owner.0"]);
});

test("a place that the Broker lets nobody start in goes to others, and nobody else is stopped for that claim", () => {
  for (const name of ["n1", "n2", "n3", "n4"]) toy.node(name, 1);
  toy.grant("guest", one(4));
  toy.grant("guest", one(4), lends(0, 4));
  toy.grant("owner", one(1, { role: "lab" }), claims(1));
  toy.pass(11_000);
  expect(tasksOf("guest")).toHaveLength(3);
  toy.grant("other", one(1));
  expect(tasksOf("other")).toEqual([]);
  toy.pass(300_000);
  expect(tasksOf("guest")).toHaveLength(3);
  expect(tasksOf("other")).toHaveLength(1);
  expect(toy.report("owner")).toMatchObject({ waiting: 0, returned: [{ reason: "surplus" }] });
});

test("those that are stopping still make room for a claim after a restart", () => {
  toy.node("n1", 1);
  toy.node("n2", 1);
  toy.grant("guest", one(2));
  toy.grant("guest", one(2), lends(0, 2));
  toy.silence("n1");
  toy.silence("n2");
  toy.grant("owner", one(1, { role: "lab" }), claims(1, { graceMs: 0 }));
  const stopping = () =>
    [...(toy.home.object.inspect().jobs.get("guest")?.live.values() ?? [])].filter((live) => live.stopping !== null);
  expect(stopping()).toHaveLength(1);
  toy.home.crash();
  toy.pass(1_000);
  expect(stopping()).toHaveLength(1);
});

test("claims in several partitions are given back once all are in vain", () => {
  toy.home.call("putPartition", { spec: { ...restSpec(), name: "fast", nodes: ["node = n2"] }, position: 0 });
  toy.node("n1", 2);
  toy.node("n2", 2);
  const limits = { default: 2, fast: 2 };
  toy.grant("guest", one(4), { limits });
  expect(tasksOf("guest")).toHaveLength(4);
  const half = { default: 1, fast: 1 };
  // One of two may be stopped on each node, and two are needed.
  toy.grant("guest", one(4), { limits, supply: supply(4), yields: { lent: half, lower: {}, keep: half } });
  const owner = one(2, { role: "lab", resources: { cpus: 2 } });
  toy.grant("owner", owner, { ...claims(2), claim: { own: half, priority: {}, graceMs: 10_000, minRunMs: 0 } });
  toy.pass(24_000);
  expect(toy.report("owner")).toMatchObject({ waiting: 2, returned: [] });
  toy.pass(2_000);
  expect(toy.report("owner")).toMatchObject({
    waiting: 0,
    returned: [{ reason: "fragmented", partitions: ["default", "fast"] }],
  });
});

describe("on a node with gpus", () => {
  const gpu = (count: number, role: string, gpus = 1) => one(count, { role, resources: { cpus: 1, gpus } });
  beforeEach(() => toy.node("n1", 8, { capacity: { cpus: 8_000, mem: 64_000_000, gpus: 2_000 } }));

  test("each of several claims starts on its own devices", () => {
    toy.grant("guest", gpu(2, "web"));
    toy.grant("guest", gpu(2, "web"), lends(0, 2));
    toy.grant("owner", gpu(2, "lab"), claims(2));
    toy.pass(11_000);
    expect(tasksOf("guest")).toEqual([]);
    expect(amounts()).toMatchObject({ free: { cpus: 6_000 }, reserved: { cpus: 2_000, gpus: 2_000 } });
    toy.grant("owner", gpu(2, "lab"), { supply: supply(2) });
    expect(tasksOf("owner")).toHaveLength(2);
    const { live } = toy.home.object.inspect().jobs.get("owner") ?? { live: new Map() };
    expect([...live.values()].flatMap(({ devices }) => devices).sort()).toEqual([0, 1]);
    expect(amounts()).toMatchObject({ used: { gpus: 2_000 }, reserved: {} });
  });

  test("others have the devices that are not kept", () => {
    toy.grant("guest", gpu(1, "web", 2));
    toy.grant("guest", gpu(1, "web", 2), lends(0, 1));
    toy.grant("owner", gpu(1, "lab"), claims(1));
    toy.pass(11_000);
    toy.grant("other", gpu(2, "web"));
    expect(tasksOf("other")).toHaveLength(1);
  });
});

describe("a victim that never started", () => {
  beforeEach(() => {
    toy.node("n1", 1);
    toy.silence("n1");
  });
  const returned = () => toy.report("guest")?.returned;

  test("goes back to the Broker as others do", () => {
    toy.grant("guest", one(1));
    toy.grant("guest", one(1), lends(0, 1));
    toy.grant("owner", one(1, { role: "lab" }), claims(1, { graceMs: 0 }));
    toy.pass(1_000);
    toy.speak("n1");
    expect(returned()).toMatchObject([{ from: 0, to: 1, reason: "reclaimed", attemptsUsed: 0 }]);
  });

  test("takes its gang back with it, also when the object is rebuilt before all of it has stopped", () => {
    toy.node("n2", 1);
    const gang = one(2, { gang: true });
    toy.grant("guest", gang);
    expect(tasksOf("guest")).toHaveLength(1);
    toy.silence("n2");
    toy.grant("guest", gang, lends(0, 2));
    toy.grant("owner", one(1, { role: "lab" }), claims(1, { graceMs: 0 }));
    toy.pass(1_000);
    toy.speak("n1");
    expect(returned()).toEqual([]);
    toy.home.crash();
    toy.speak("n2");
    toy.pass(1_000);
    expect(returned()).toMatchObject([0, 1].map((from) => ({ from, to: from + 1, reason: "reclaimed" })));
  });
});
