/** What the Broker and two Clusters do together when one of them is drained, told by what runs where. */
import { beforeEach, expect, test } from "vitest";
import { Broker } from "../src/broker/broker.ts";
import { Cluster } from "../src/cluster/cluster.ts";
import { epochOf } from "../src/model/ids.ts";
import { type JobSpecInput, jobSpecSchema } from "../src/model/job.ts";
import type { ClusterView, ExplainView, JobView } from "../src/model/views.ts";
import type { Turns } from "../src/platform/seam.ts";
import { ObjectHome } from "./sim/nodeSqlite.ts";
import { PlayedAgent } from "./support/playedAgent.ts";

const MIN = 60_000;
const START_MS = 1_800_000_000_000;
const SERVICE = { command: "serve", copies: "at-least-one" } as const;

let nowMs: number;
let broker: ObjectHome<Turns>;
let clusters: Map<string, ObjectHome<Turns>>;
let agents: PlayedAgent[];
beforeEach(() => {
  nowMs = START_MS;
  agents = [];
  const now = () => nowMs;
  broker = new ObjectHome<Turns>((platform) => new Broker(platform), {
    self: { kind: "broker", league: "acme", name: "" },
    now,
  });
  clusters = new Map();
  for (const name of ["north", "south", "west"]) {
    broker.call("createCluster", { name, labels: {}, idempotency: null });
    const self = { kind: "cluster" as const, league: "acme", name };
    clusters.set(name, new ObjectHome<Turns>((platform) => new Cluster(platform), { self, now }));
  }
});
const at = (name: string): ObjectHome<Turns> => clusters.get(name) as ObjectHome<Turns>;
const join = (cluster: string, node: string): PlayedAgent => {
  const agent = new PlayedAgent((method, args) => at(cluster).call(method, args), cluster, node);
  agents.push(agent);
  pass(1_000);
  return agent;
};

/** Until no object has anything to say. */
function deliver(): void {
  const homes = [broker, ...clusters.values()];
  for (let isQuiet = false; !isQuiet; ) {
    isQuiet = true;
    for (const home of homes) {
      for (const { to, method, args } of home.take("call")) {
        isQuiet = false;
        const target = to.kind === "broker" ? broker : at(to.name);
        home.result(to, method, args, { ok: true, value: target.call(method, args) });
      }
    }
  }
}

function pass(ms: number): void {
  const end = nowMs + ms;
  while (nowMs < end) {
    nowMs = Math.min(end, nowMs + 500);
    for (const home of [broker, ...clusters.values()])
      if (home.alarmAt !== null && home.alarmAt <= nowMs) home.fireAlarm();
    deliver();
    for (const agent of agents) agent.poll();
    deliver();
  }
}
const submit = (spec: JobSpecInput) => {
  broker.call("submit", { id: "service1", digest: "d", spec: jobSpecSchema.parse(spec) });
  deliver();
};
const drain = (cluster: string, deadlineMs = 10 * MIN) => {
  at(cluster).call("drain", { deadlineMs, forMs: null });
  deliver();
};
const view = () => broker.call("job", { id: "service1" }) as JobView;
const running = () => agents.map((agent) => agent.running.length);
const key = (handout: number, local = 0) => `service1.0@${epochOf(handout, local)}`;

test("a service of a drained cluster runs in another before it stops, and stops then", () => {
  const north = join("north", "n1");
  submit(SERVICE);
  pass(1_000);
  expect(north.running).toEqual([key(1)]);
  const south = join("south", "s1");
  drain("north");
  south.poll();
  expect([north.running, south.running]).toEqual([[key(1)], [key(2)]]);
  pass(1_000);
  expect(north.running).toHaveLength(1);
  pass(10_000);
  expect([north.running, south.running]).toEqual([[], [key(2)]]);
  expect(view()).toMatchObject({ state: "running", counts: { live: 1, waiting: 0 } });
  expect(broker.call("cluster", { name: "north" })).toMatchObject({ state: "drained", drain: { left: 0 } });
});

test("at most one is never doubled: it stops at the deadline, and starts elsewhere then", () => {
  const north = join("north", "n1");
  submit({ command: "serve" });
  pass(1_000);
  const south = join("south", "s1");
  drain("north", MIN);
  pass(MIN - 1_000);
  expect([north.running.length, south.running.length]).toEqual([1, 0]);
  pass(5_000);
  expect([north.running, south.running]).toEqual([[], [key(2)]]);
});

test("a service has two copies at most, however many clusters are drained one after another", () => {
  join("north", "n1");
  submit(SERVICE);
  pass(1_000);
  const south = join("south", "s1");
  drain("north");
  south.poll();
  drain("south");
  const west = join("west", "w1");
  for (let s = 0; s < 20; s++) {
    const copies = running().reduce((n, one) => n + one, 0);
    expect([1, 2]).toContain(copies);
    pass(1_000);
  }
  pass(11 * MIN);
  expect(running()).toEqual([0, 0, 1]);
  expect(west.running).toHaveLength(1);
});

test("with nowhere to go it runs on until the deadline, waits then, and is told why", () => {
  const north = join("north", "n1");
  submit(SERVICE);
  pass(1_000);
  drain("north", MIN);
  pass(MIN - 1_000);
  expect(north.running).toHaveLength(1);
  const explained = broker.call("explain", { id: "service1" }) as ExplainView;
  expect(explained).toMatchObject({ reason: "paused", sentence: expect.stringContaining("cluster north") });
  pass(5_000);
  expect(north.running).toEqual([]);
  at("north").call("undrain", {});
  pass(2_000);
  expect(north.running).toEqual([key(2)]);
});

test("when its job is cancelled meanwhile, what has been left behind stops too", () => {
  const north = join("north", "n1");
  submit(SERVICE);
  pass(1_000);
  drain("north");
  expect(view().counts).toMatchObject({ waiting: 1 });
  broker.call("cancel", { id: "service1" });
  deliver();
  pass(2_000);
  expect(north.running).toEqual([]);
  expect(view().state).toBe("cancelled");
});

test("when it ends elsewhere, what has been left behind stops too", () => {
  const north = join("north", "n1");
  submit(SERVICE);
  pass(1_000);
  const south = join("south", "s1");
  drain("north");
  south.poll();
  south.end("service1.0", epochOf(2, 0));
  pass(3_000);
  expect(view().state).toBe("succeeded");
  expect(north.running).toEqual([]);
  expect(broker.call("cluster", { name: "north" })).toMatchObject({ state: "drained" });
});

test("objects that are rebuilt in between lose nothing of it", () => {
  const north = join("north", "n1");
  submit(SERVICE);
  pass(1_000);
  const south = join("south", "s1");
  drain("north");
  at("north").crash();
  broker.crash();
  pass(500);
  expect(north.running).toHaveLength(1);
  at("south").crash();
  at("north").crash();
  pass(15_000);
  expect([north.running, south.running]).toEqual([[], [key(2)]]);
  const { state } = broker.call("cluster", { name: "north" }) as ClusterView;
  expect(state).toBe("drained");
});
