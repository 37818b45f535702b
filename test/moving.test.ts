/** What the Broker and two Clusters do together when one of them is drained, told by what runs where. */
import { beforeEach, expect, test } from "vitest";
import { epochOf } from "../src/model/ids.ts";
import type { JobSpecInput } from "../src/model/job.ts";
import type { ClusterView, ExplainView } from "../src/model/views.ts";
import { PlayedLeague } from "./support/playedLeague.ts";

const MIN = 60_000;
const SERVICE = { command: "serve", copies: "at-least-one" } as const;

let league: PlayedLeague;
beforeEach(() => {
  league = new PlayedLeague(["north", "south", "west"]);
});
const join = (cluster: string, node: string) => league.join(cluster, node);
const pass = (ms: number) => league.pass(ms);
const submit = (spec: JobSpecInput) => league.submit("service1", spec);
const drain = (cluster: string, deadlineMs = 10 * MIN) => {
  league.at(cluster).call("drain", { deadlineMs, forMs: null });
  league.deliver();
};
const view = () => league.job("service1");
const running = () => league.agents.map((agent) => agent.running.length);
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
  expect(league.broker.call("cluster", { name: "north" })).toMatchObject({ state: "drained", drain: { left: 0 } });
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
  const explained = league.broker.call("explain", { id: "service1" }) as ExplainView;
  expect(explained).toMatchObject({ reason: "paused", sentence: expect.stringContaining("cluster north") });
  pass(5_000);
  expect(north.running).toEqual([]);
  league.at("north").call("undrain", {});
  pass(2_000);
  expect(north.running).toEqual([key(2)]);
});

test("when its job is cancelled meanwhile, what has been left behind stops too", () => {
  const north = join("north", "n1");
  submit(SERVICE);
  pass(1_000);
  drain("north");
  expect(view().counts).toMatchObject({ waiting: 1 });
  league.broker.call("cancel", { id: "service1" });
  league.deliver();
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
  expect(league.broker.call("cluster", { name: "north" })).toMatchObject({ state: "drained" });
});

test("objects that are rebuilt in between lose nothing of it", () => {
  const north = join("north", "n1");
  submit(SERVICE);
  pass(1_000);
  const south = join("south", "s1");
  drain("north");
  league.at("north").crash();
  league.broker.crash();
  pass(500);
  expect(north.running).toHaveLength(1);
  league.at("south").crash();
  league.at("north").crash();
  pass(15_000);
  expect([north.running, south.running]).toEqual([[], [key(2)]]);
  const { state } = league.broker.call("cluster", { name: "north" }) as ClusterView;
  expect(state).toBe("drained");
});
