import { beforeEach, describe, expect, test } from "vitest";
import { ObjectHome } from "../../test/sim/nodeSqlite.ts";
import { PlayedAgent } from "../../test/support/playedAgent.ts";
import { epochOf } from "../model/ids.ts";
import { type JobSpecInput, jobSpecSchema, templateOf } from "../model/job.ts";
import type { ClusterDrainView, NodeView, PartitionView, TaskView } from "../model/views.ts";
import type { ClusterEvent, Grant, Report, ReportAnswer } from "../protocol/levels.ts";
import { Cluster } from "./cluster.ts";

const MIN = 60_000;
const E = (local: number, handout = 1) => epochOf(handout, local);
const SERVICE = { copies: "at-least-one" } as const;

let home: ObjectHome<Cluster>;
let gen: number;
let agents: Agent[];
/** jobs that the Broker says are over */
let over: string[];
let events: ClusterEvent[];
beforeEach(() => {
  home = new ObjectHome((platform) => new Cluster(platform), {
    self: { kind: "cluster", league: "acme", name: "north" },
  });
  gen = 0;
  agents = [];
  over = [];
  events = [];
});

class Agent extends PlayedAgent {
  constructor(name: string) {
    super((method, args) => home.call(method, args), "north", name);
    agents.push(this);
  }
  get view(): NodeView {
    return home.call("node", { name: this.name }) as NodeView;
  }
}

function grant(spec: Partial<JobSpecInput> = {}, rest: Partial<Grant> = {}): void {
  const parsed = jobSpecSchema.parse({ command: "true", disconnect: { stopAfter: "30s" }, ...spec });
  const level: Grant = {
    job: "abcd",
    gen: ++gen,
    action: "run",
    limits: { default: 10 },
    supply: [{ from: 0, to: 1, handout: 1, attemptsUsed: 0 }],
    template: templateOf(parsed),
    ...rest,
  };
  const clusterIncarnation = home.object.inspect().incarnation;
  home.call("grant", { incarnation: 1, clusterIncarnation, grants: [level] });
}

/** The Broker hears all there is to hear. @returns the newest report */
function hear(): Report | undefined {
  let last: Report | undefined;
  for (;;) {
    const calls = home.take("call").filter(({ method }) => method === "report");
    const newest = calls.at(-1);
    if (!newest) return last;
    last = newest.args as Report;
    events.push(...last.events);
    const value = { nextReportMs: 0, rev: 0, clusterIncarnation: 0, ended: over, incarnation: 1, grants: [] };
    home.result(newest.to, "report", newest.args, { ok: true, value: value satisfies ReportAnswer });
  }
}
const pollAll = () => agents.forEach((agent) => void agent.poll());

/** Lets time pass: alarms fire when they are due, and agents poll each second. */
function pass(ms: number): void {
  const end = home.nowMs + ms;
  while (home.nowMs < end) {
    const step = Math.min(end, home.nowMs + 1_000);
    while (home.alarmAt !== null && home.alarmAt <= step) {
      home.nowMs = Math.max(home.nowMs, home.alarmAt);
      home.fireAlarm();
      hear();
    }
    home.nowMs = step;
    pollAll();
    hear();
  }
}

/** It runs on the first of these nodes, which is the only one that there was. */
function running(spec: Partial<JobSpecInput> = {}, rest: Partial<Grant> = {}): Agent {
  const first = new Agent("n1");
  grant(spec, rest);
  pollAll();
  pollAll();
  hear();
  expect(first.running).toEqual([`abcd.0@${E(0)}`]);
  return first;
}
const drain = (name: string, deadlineMs = 10 * MIN, forMs: number | null = null) =>
  home.call("drainNode", { name, deadlineMs, forMs }) as NodeView;
const drainAll = (deadlineMs = 10 * MIN, forMs: number | null = null) =>
  home.call("drain", { deadlineMs, forMs }) as ClusterDrainView;
const task = () => home.call("task", { job: "abcd", index: 0 }) as TaskView;
const types = () => events.map(({ type }) => type);
const job = () => home.object.inspect().jobs.get("abcd");

describe("a node that is drained", () => {
  test("gets nothing new, and what waits for it waits because of that", () => {
    const node = new Agent("n1");
    expect(drain("n1")).toMatchObject({ state: "drained", drain: { by: "node", left: 0, endsAt: null } });
    grant();
    expect(node.poll().assignments).toEqual([]);
    expect(hear()?.jobs).toMatchObject([{ live: {}, reason: "paused" }]);
    home.call("undrainNode", { name: "n1" });
    expect(node.poll().assignments).toMatchObject([{ task: "abcd.0" }]);
  });

  test("goes on with what it runs until the deadline, and is told then", () => {
    const first = running();
    new Agent("n2");
    expect(drain("n1")).toMatchObject({ state: "draining", drain: { left: 1, deadlineAt: home.nowMs + 10 * MIN } });
    pass(10 * MIN - 1_000);
    expect(first.running).toHaveLength(1);
    pass(2_000);
    expect(first.running).toEqual([]);
  });

  test("has its work tried again on another node, at most one at a time and without a retry used", () => {
    const first = running({ retry: { max: 0 } });
    const second = new Agent("n2");
    drain("n1", 0);
    expect(first.poll().stops).toMatchObject([{ epoch: E(0), reason: "drained" }]);
    second.poll();
    expect(second.running).toEqual([]);
    pass(2_000);
    expect(second.running).toEqual([`abcd.0@${E(1)}`]);
    expect(task().attempts).toMatchObject([
      { node: "n1", state: "cancelled", reason: "drained" },
      { node: "n2", state: "running" },
    ]);
    expect(job()?.live.get(0)?.attemptsUsed).toBe(0);
    expect(first.view).toMatchObject({ state: "drained", attempts: 0 });
  });

  test("has its work given back when no other node could run it", () => {
    running();
    drain("n1", 0);
    pass(2_000);
    expect(job()?.returned).toMatchObject([{ from: 0, to: 1, handout: 1, attemptsUsed: 0, reason: "drained" }]);
  });

  test("has its work given back when no other node has room for it", () => {
    const spec = { resources: { cpus: 1 } };
    running(spec, { supply: [{ from: 0, to: 2, handout: 1, attemptsUsed: 0 }] });
    const second = new Agent("n2");
    pass(2_000);
    expect(second.running).toHaveLength(1);
    drain("n1", 0);
    pass(2_000);
    expect(job()?.returned).toEqual([]);
    pass(20_000);
    expect(job()?.returned).toMatchObject([{ from: 0, to: 1, reason: "drained" }]);
  });

  test("that is drained again has the new deadline", () => {
    const first = running();
    new Agent("n2");
    drain("n1");
    drain("n1", 5_000);
    pass(7_000);
    expect(first.running).toEqual([]);
  });

  test("is used again by itself so long after the deadline", () => {
    const node = new Agent("n1");
    expect(drain("n1", MIN, 30 * MIN).drain).toMatchObject({ endsAt: home.nowMs + 31 * MIN });
    pass(31 * MIN - 1_000);
    expect(node.view.state).toBe("drained");
    pass(2_000);
    expect(node.view).toMatchObject({ state: "up", drain: null });
    expect(events.at(-1)).toMatchObject({ type: "node.undrained", node: "n1" });
    grant();
    expect(node.poll().assignments).toHaveLength(1);
  });

  test("stays so, with its deadline, when the object is rebuilt", () => {
    const first = running();
    new Agent("n2");
    drain("n1");
    home.crash();
    pass(9 * MIN);
    expect(first.view).toMatchObject({ state: "draining" });
    expect(first.running).toHaveLength(1);
    home.crash();
    pass(MIN + 1_000);
    expect(first.running).toEqual([]);
    home.crash();
    expect(first.view).toMatchObject({ state: "drained" });
  });

  test("counts as down with what is free there, as used with what runs there", () => {
    running({ resources: { cpus: 0.4 } });
    drain("n1");
    const { amounts } = home.call("partition", { name: "default" }) as PartitionView;
    expect(amounts).toMatchObject({ total: { cpus: 1000 }, used: { cpus: 400 }, down: { cpus: 600 } });
    expect(hear()).toMatchObject({ nodes: { up: 0, drained: 1 }, partitions: [{ usable: { cpus: 400 }, shapes: [] }] });
  });

  test("is not drained by a late copy of a request that was taken back since, and neither is its cluster", () => {
    new Agent("n1");
    const copies = () => {
      home.call("drainNode", { name: "n1", deadlineMs: 0, forMs: null, request: "first" });
      home.call("drain", { deadlineMs: 0, forMs: null, request: "second" });
    };
    copies();
    home.call("undrainNode", { name: "n1" });
    home.call("undrain", {});
    home.crash();
    copies();
    expect(home.call("node", { name: "n1" })).toMatchObject({ state: "up", drain: null });
    home.call("drainNode", { name: "n1", deadlineMs: 0, forMs: null, request: "second" });
    expect(home.call("node", { name: "n1" })).toMatchObject({ state: "drained" });
  });

  test("is told of once when that begins, when nothing is left, and when it ends", () => {
    const first = running();
    drain("n1");
    pass(2_000);
    first.end("abcd.0", E(0));
    pass(2_000);
    home.crash();
    pass(2_000);
    home.call("undrainNode", { name: "n1" });
    home.call("undrainNode", { name: "n1" });
    hear();
    expect(types().filter((type) => type.startsWith("node.") && type !== "node.joined")).toEqual([
      "node.draining",
      "node.drained",
      "node.undrained",
    ]);
  });

  test("is left to its silence when it is silent at the deadline", () => {
    const first = running({ disconnect: "keep" });
    const second = new Agent("n2");
    agents = [second];
    drain("n1", 2 * MIN);
    pass(5 * MIN);
    expect(first.view).toMatchObject({ state: "suspect", drain: { left: 1 } });
    expect(task()).toMatchObject({ state: "running" });
    expect(first.poll().stops).toMatchObject([{ reason: "drained" }]);
  });

  test("does not stop what a person cancels a second time", () => {
    const first = running();
    grant({}, { action: "cancel", limits: {} });
    drain("n1", 0);
    expect(first.poll().stops).toMatchObject([{ reason: "cancelled" }]);
    pass(2_000);
    expect(task().state).toBe("cancelled");
  });

  test("that was removed cannot be drained, and one that joins under its name is not", () => {
    new Agent("n1");
    drain("n1");
    home.call("removeNode", { name: "n1" });
    expect(() => drain("n1")).toThrow(/removed/);
    agents = [];
    expect(home.call("join", { name: "n1", key: "another-machine" })).toMatchObject({ node: "n1" });
    expect(home.call("node", { name: "n1" })).toMatchObject({ drain: null });
  });
});

describe("a cluster that is drained", () => {
  test("gives back what waits at once, and what runs when it is stopped", () => {
    const first = running({ resources: { cpus: 1 } }, { supply: [{ from: 0, to: 3, handout: 1, attemptsUsed: 0 }] });
    expect(drainAll()).toMatchObject({ cluster: "north", state: "draining", drain: { left: 1 } });
    expect(hear()?.jobs[0]?.returned).toMatchObject([{ from: 1, to: 3, reason: "drained" }]);
    pass(10 * MIN + 2_000);
    expect(first.running).toEqual([]);
    expect(job()?.returned).toMatchObject([
      { from: 1, to: 3 },
      { from: 0, to: 1, reason: "drained" },
    ]);
    expect(home.call("drainView", {})).toMatchObject({ state: "drained", drain: { left: 0 } });
    expect(types()).toEqual(["node.joined", "cluster.draining", "cluster.drained"]);
  });

  test("takes in no node that joins later, and all when it is used again", () => {
    drainAll(0, MIN);
    const node = new Agent("n1");
    grant();
    pass(30_000);
    expect(node.running).toEqual([]);
    expect(node.view).toMatchObject({ state: "drained", drain: { by: "cluster" } });
    home.crash();
    pass(20_000);
    expect(node.view).toMatchObject({ state: "drained" });
    pass(15_000);
    grant({}, { supply: [{ from: 0, to: 1, handout: 2, attemptsUsed: 0 }] });
    pass(2_000);
    expect(node.running).toEqual([`abcd.0@${E(0, 2)}`]);
  });

  test("tells the Broker how far it is, and until when", () => {
    running();
    const deadlineAt = home.nowMs + MIN;
    drainAll(MIN, MIN);
    expect(hear()?.nodes).toEqual({
      up: 0,
      silent: 0,
      total: 1,
      drained: 1,
      drain: { left: 1, deadlineAt, endsAt: deadlineAt + MIN },
    });
  });

  test("leaves a node drained that is so by itself", () => {
    const node = new Agent("n1");
    drain("n1");
    drainAll();
    home.call("undrain", {});
    expect(node.view).toMatchObject({ state: "drained", drain: { by: "node" } });
  });

  test("stays so when its rows come from a backup", () => {
    new Agent("n1");
    drainAll();
    home.generation += 1;
    home.crash();
    expect(home.call("drainView", {})).toMatchObject({ drain: { left: 0 } });
  });
});

describe("work of at-least-one, when its node is drained", () => {
  test("runs elsewhere before it stops", () => {
    const first = running(SERVICE);
    const second = new Agent("n2");
    drain("n1");
    pollAll();
    expect([first.running, second.running]).toEqual([[`abcd.0@${E(0)}`], [`abcd.0@${E(1)}`]]);
    expect(task().attempts).toMatchObject([
      { node: "n1", state: "running" },
      { node: "n2", state: "assigned" },
    ]);
    pass(1_000);
    expect(first.running).toHaveLength(1);
    pass(4_000);
    expect([first.running, second.running]).toEqual([[], [`abcd.0@${E(1)}`]]);
    expect(task().attempts).toMatchObject([
      { node: "n1", state: "cancelled", reason: "drained" },
      { node: "n2", state: "running" },
    ]);
    expect(first.view.state).toBe("drained");
  });

  test("moves although its job is at its limit, and counts once in it", () => {
    running(SERVICE, { limits: { default: 1 } });
    const second = new Agent("n2");
    drain("n1");
    pollAll();
    expect(second.running).toHaveLength(1);
    expect(hear()?.jobs[0]).toMatchObject({ live: { default: 1 }, leaving: [[0, 1]] });
  });

  test("takes room twice, which nobody else is granted", () => {
    running({ ...SERVICE, resources: { cpus: 0.4 } });
    new Agent("n2");
    drain("n1");
    pollAll();
    const { amounts } = home.call("partition", { name: "default" }) as PartitionView;
    expect(amounts).toMatchObject({ total: { cpus: 2000 }, used: { cpus: 800 }, free: { cpus: 600 } });
    expect(hear()?.partitions[0]?.usable).toMatchObject({ cpus: 1000 });
  });

  test("is renewed where it was until the new attempt is seen, also by an object that was rebuilt", () => {
    const first = running(SERVICE);
    const second = new Agent("n2");
    drain("n1");
    second.isDeaf = true;
    second.poll();
    home.crash();
    expect(first.poll().renews).toEqual([`abcd.0@${E(0)}`]);
    home.crash();
    expect(first.poll()).toMatchObject({ renews: [`abcd.0@${E(0)}`], stops: [] });
    second.isDeaf = false;
    pass(6_000);
    expect(first.running).toEqual([]);
    expect(second.running).toHaveLength(1);
    home.crash();
    expect(task().attempts).toMatchObject([{ reason: "drained" }, { state: "assigned" }]);
  });

  test("stays as long as each new attempt fails before it is seen to run", () => {
    const first = running({ ...SERVICE, retry: { max: 5, backoff: "0s" } });
    const second = new Agent("n2");
    drain("n1");
    for (let local = 1; local <= 3; local++) {
      second.poll();
      second.end("abcd.0", E(local), { state: "failed", code: 1 });
      pollAll();
    }
    expect(first.running).toEqual([`abcd.0@${E(0)}`]);
    pass(10_000);
    expect(first.running).toEqual([]);
    expect(second.running).toHaveLength(1);
  });

  test("fails for good by its last try only when nothing of it runs on elsewhere", () => {
    const first = running({ ...SERVICE, retry: { max: 0, backoff: "1s" } });
    const second = new Agent("n2");
    drain("n1");
    const failNext = (local: number) => {
      second.poll();
      expect(second.running).toEqual([`abcd.0@${E(local)}`]);
      second.end("abcd.0", E(local), { state: "failed", reason: "start-failed" });
      second.poll();
      hear();
    };
    for (let local = 1; local <= 3; local++) {
      failNext(local);
      home.crash();
      expect(first.poll()).toMatchObject({ renews: [`abcd.0@${E(0)}`], stops: [] });
      expect(second.poll().assignments).toEqual([]);
      home.nowMs += 2 ** (local - 1) * 1_000;
    }
    drain("n1", 0);
    first.poll();
    first.poll();
    expect(first.running).toEqual([]);
    failNext(4);
    expect(task().state).toBe("failed");
  });

  test("is decided by the new attempt alone", () => {
    const first = running(SERVICE);
    new Agent("n2");
    drain("n1");
    pollAll();
    first.end("abcd.0", E(0), { state: "succeeded", code: 0 });
    pass(2_000);
    expect(task()).toMatchObject({ state: "running", attempts: [{ state: "succeeded" }, { state: "running" }] });
    expect(job()).toMatchObject({ done: [] });
    expect(job()?.leaving.size).toBe(0);
  });

  test("is stopped where it was when the new attempt ends the task", () => {
    const first = running(SERVICE);
    const second = new Agent("n2");
    drain("n1");
    pollAll();
    second.end("abcd.0", E(1));
    pass(3_000);
    expect(first.running).toEqual([]);
    expect(task().state).toBe("succeeded");
    expect(job()?.leaving.size).toBe(0);
  });

  test("is stopped at the deadline when nothing runs elsewhere by then", () => {
    const first = running({ ...SERVICE, constraints: ["node = n1"] });
    drain("n1", 30_000);
    pass(29_000);
    expect(first.running).toHaveLength(1);
    pass(3_000);
    expect(first.running).toEqual([]);
  });

  test("stops at once when it shall be empty now", () => {
    const first = running(SERVICE);
    new Agent("n2");
    drain("n1", 0);
    pass(1_000);
    expect(first.running).toEqual([]);
  });

  test("is forgotten where it was when that node falls silent for long", () => {
    running(SERVICE);
    const second = new Agent("n2");
    second.isDeaf = true;
    drain("n1", 60 * MIN);
    second.poll();
    agents = [second];
    expect(job()?.leaving.size).toBe(1);
    pass(2 * MIN);
    expect(job()?.leaving.size).toBe(0);
    expect(task().attempts).toMatchObject([{ epoch: E(0), state: "lost" }, {}]);
  });

  test("is not over where it was when a copied disk tells of a reboot", () => {
    const first = running(SERVICE);
    const second = new Agent("n2");
    second.isDeaf = true;
    drain("n1", 60 * MIN);
    second.poll();
    first.end("abcd.0", E(0), { state: "failed", reason: "rebooted" });
    first.restart();
    first.poll();
    expect(task().attempts).toMatchObject([{ epoch: E(0), state: "running" }, {}]);
    pass(2 * MIN);
    expect(task().attempts).toMatchObject([{ epoch: E(0), state: "lost" }, {}]);
  });

  test("never runs three times, whatever is drained", () => {
    const first = running(SERVICE);
    const second = new Agent("n2");
    drain("n1");
    second.poll();
    const third = new Agent("n3");
    drain("n2");
    for (let s = 0; s < 10; s++) {
      const copies = [first, second, third].flatMap(({ running }) => running);
      expect([1, 2]).toContain(copies.length);
      pass(1_000);
    }
    expect([first, second, third].map(({ running }) => running)).toEqual([[], [], [`abcd.0@${E(2)}`]]);
  });

  test("is told to stop with its job in both places", () => {
    const first = running(SERVICE);
    const second = new Agent("n2");
    drain("n1");
    pollAll();
    pollAll();
    grant(SERVICE, { action: "cancel", limits: {} });
    pass(2_000);
    expect([...first.running, ...second.running]).toEqual([]);
    expect(task().state).toBe("cancelled");
  });

  test("goes on moving when the drain is ended meanwhile", () => {
    const first = running(SERVICE);
    const second = new Agent("n2");
    drain("n1");
    pollAll();
    home.call("undrainNode", { name: "n1" });
    pass(5_000);
    expect([first.running.length, second.running.length]).toEqual([0, 1]);
  });

  test("of at-most-one never runs in two places", () => {
    const first = running();
    const second = new Agent("n2");
    drain("n1", MIN);
    for (let s = 0; s < 70; s++) {
      pass(1_000);
      expect(first.running.length + second.running.length).toBeLessThanOrEqual(1);
    }
    expect(second.running).toHaveLength(1);
  });
});

describe("work of at-least-one, when there is no place left in its cluster", () => {
  test("is given back at once while the old attempt runs on until the deadline", () => {
    const first = running(SERVICE);
    drainAll(5 * MIN);
    expect(hear()?.jobs[0]).toMatchObject({
      live: {},
      returned: [{ from: 0, to: 1, handout: 1, reason: "drained" }],
      leaving: [[0, 1]],
    });
    grant(SERVICE, { supply: [], limits: {} });
    home.crash();
    pass(5 * MIN - 1_000);
    expect(first.running).toEqual([`abcd.0@${E(0)}`]);
    expect(task().attempts).toMatchObject([{ epoch: E(0), state: "running" }]);
    pass(3_000);
    expect(first.running).toEqual([]);
    expect(task().attempts).toMatchObject([{ epoch: E(0), state: "cancelled", reason: "drained" }]);
    expect(home.call("drainView", {})).toMatchObject({ state: "drained" });
  });

  test("is waited for a while, should a place be had here", () => {
    const spec = { ...SERVICE, resources: { cpus: 1 } };
    running(spec, { supply: [{ from: 0, to: 2, handout: 1, attemptsUsed: 0 }] });
    const second = new Agent("n2");
    pass(2_000);
    drain("n1");
    pass(10_000);
    expect(job()?.returned).toEqual([]);
    pass(10_000);
    expect(job()?.returned).toMatchObject([{ from: 0, to: 1, reason: "drained" }]);
    expect(second.running).toEqual([`abcd.1@${E(0)}`]);
  });

  test("decides nothing any more where it was", () => {
    const first = running(SERVICE);
    drainAll();
    hear();
    grant(SERVICE, { supply: [], limits: {} });
    first.end("abcd.0", E(0));
    pass(2_000);
    expect(hear()?.jobs ?? []).toEqual([]);
    expect(job()).toMatchObject({ done: [], returned: [] });
    expect(task().attempts).toMatchObject([{ epoch: E(0), state: "succeeded" }]);
  });

  test("may come back, and the old attempt goes when the new one runs", () => {
    const first = running(SERVICE);
    drainAll();
    hear();
    home.call("undrain", {});
    drain("n1");
    const second = new Agent("n2");
    grant(SERVICE, { supply: [{ from: 0, to: 1, handout: 2, attemptsUsed: 0 }] });
    pass(1_000);
    expect([first.running, second.running]).toEqual([[`abcd.0@${E(0)}`], [`abcd.0@${E(0, 2)}`]]);
    pass(5_000);
    expect([first.running, second.running]).toEqual([[], [`abcd.0@${E(0, 2)}`]]);
  });

  test("stops where it was when its job is over", () => {
    const first = running(SERVICE);
    drainAll();
    hear();
    grant(SERVICE, { supply: [], limits: {} });
    over = ["abcd"];
    home.call("grant", { incarnation: 1, clusterIncarnation: home.object.inspect().incarnation, grants: [] });
    pass(3_000);
    expect(first.running).toEqual([]);
    expect(job()).toBeUndefined();
  });

  test("runs on past the deadline when its cluster is used again", () => {
    const first = running(SERVICE);
    drainAll(MIN);
    hear();
    grant(SERVICE, { supply: [], limits: {} });
    home.call("undrain", {});
    home.crash();
    pass(5 * MIN);
    expect(first.running).toEqual([`abcd.0@${E(0)}`]);
    grant(SERVICE, { supply: [], limits: {}, moved: [[0, 1]] });
    pass(4_000);
    expect(first.running).toEqual([]);
  });

  test("runs on until the deadline that was said last", () => {
    const first = running(SERVICE);
    drainAll(MIN);
    hear();
    grant(SERVICE, { supply: [], limits: {} });
    drainAll(10 * MIN);
    pass(9 * MIN);
    expect(first.running).toEqual([`abcd.0@${E(0)}`]);
    drainAll(2_000);
    pass(4_000);
    expect(first.running).toEqual([]);
  });
});
