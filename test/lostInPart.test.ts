/** A cluster that lost most of its nodes: what ran on them goes where there is room, and keeps nobody out of it. */
import { beforeEach, expect, test } from "vitest";
import { Broker } from "../src/broker/broker.ts";
import { Cluster } from "../src/cluster/cluster.ts";
import { type JobSpecInput, jobSpecSchema } from "../src/model/job.ts";
import type { JobView } from "../src/model/views.ts";
import type { Turns } from "../src/platform/seam.ts";
import { ObjectHome } from "./sim/nodeSqlite.ts";
import { PlayedAgent } from "./support/playedAgent.ts";

const START_MS = 1_800_000_000_000;

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
  for (const name of ["north", "south"]) {
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

/** Seven of north's eight nodes fall silent for good; south has eight that are idle. */
test("when most of a cluster is lost, its work runs in another that is idle", () => {
  for (let i = 0; i < 8; i++) join("north", `n${i}`);
  submit({ command: "serve", count: 8, resources: { cpus: 1 }, disconnect: { stopAfter: "30s" } });
  pass(5_000);
  const view = () => broker.call("job", { id: "service1" }) as JobView;
  expect(view().counts.live).toBe(8);
  agents.splice(1);
  for (let i = 0; i < 8; i++) join("south", `s${i}`);
  pass(120_000);
  expect(view().counts.live).toBe(8);
  const told = () => (broker.call("metrics", {}) as Record<string, number>).grants_sent_total;
  const before = told();
  pass(300_000);
  expect(view().counts.live).toBe(8);
  expect(told()).toBe(before);
});

test("and does not keep that other one from those who could use it", () => {
  for (let i = 0; i < 8; i++) join("north", `n${i}`);
  submit({ command: "serve", count: 8, resources: { cpus: 1 }, disconnect: { stopAfter: "30s" } });
  pass(5_000);
  agents.splice(1);
  for (let i = 0; i < 8; i++) join("south", `s${i}`);
  pass(300_000);
  const spec = jobSpecSchema.parse({
    command: "other",
    count: 8,
    resources: { cpus: 1 },
    clusters: ["south"],
    role: "web",
  });
  broker.call("submit", { id: "another1", digest: "d", spec });
  pass(300_000);
  const live = (id: string) => (broker.call("job", { id }) as JobView).counts.live;
  expect(live("service1") + live("another1")).toBe(9);
});
