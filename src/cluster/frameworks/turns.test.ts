/** What a turn of a Cluster with frameworks looks at, and when the next one is. */
import { expect, test, vi } from "vitest";
import { launch, launchTask, PlayedFramework } from "../../../test/support/playedFramework.ts";
import { PlayedLeague } from "../../../test/support/playedLeague.ts";
import { ToyNodes } from "../../../test/support/toyNodes.ts";
import type { Offer } from "../../model/framework.ts";
import type { Cluster } from "../cluster.ts";

const north = (here: PlayedLeague) => here.at("north").object as Cluster;

test("what is free for frameworks is looked at once an interval, whatever ends between", () => {
  const here = new PlayedLeague(["north"]);
  const agent = here.join("north", "n1");
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  const [offer] = framework.held() as [Offer];
  const tasks = Array.from({ length: 50 }, (_, n) => launchTask(offer, `t${n}`, { cpus: 10, mem: 1_000 }));
  framework.accept([offer], [launch(...tasks)], 3_600_000);
  here.pass(3_000);
  const looked = vi.spyOn(north(here).inspect().frameworks.offerable, "classesIn");
  for (const attempt of agent.running) {
    here.leap(10);
    agent.end(attempt.split("@")[0] ?? "", Number(attempt.split("@")[1]));
    agent.poll();
    // Time to look at everything else.
    if (agent.running.length === 49) here.at("north").fireAlarm();
  }
  expect(agent.running).toEqual([]);
  expect(looked.mock.calls.length).toBeLessThan(5);
});

test("a cluster whose last framework left has nothing more to do once it said so", () => {
  const here = new PlayedLeague(["north"]);
  here.join("north", "n1");
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(3_000);
  framework.say({ state: "removed" });
  here.pass(10_000);
  expect((here.at("north").alarmAt ?? Number.POSITIVE_INFINITY) - here.nowMs).toBeGreaterThan(2_000);
});

test("a launch asks for no turn of its own", () => {
  const here = new PlayedLeague(["north"]);
  const agent = here.join("north", "n1");
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  const [offer] = framework.held() as [Offer];
  framework.accept([offer], [launch(launchTask(offer, "t1", { cpus: 10, mem: 1_000 }))], 3_600_000);
  expect(here.at("north").alarmAt).toBeGreaterThan(here.nowMs + 100);
  here.leap(50);
  agent.poll();
  here.deliver();
  expect(agent.running).toHaveLength(1);
  expect(here.at("north").alarmAt).toBeGreaterThan(here.nowMs + 100);
});

test("what was launched is looked at where its node is otherwise, not with every poll of others", () => {
  const here = new PlayedLeague(["north"]);
  const [slow, other] = [here.join("north", "n1"), here.join("north", "n2")];
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  const offer = framework.held().find(({ agent }) => agent.hostname === "n1") as Offer;
  const tasks = Array.from({ length: 20 }, (_, n) => launchTask(offer, `t${n}`, { cpus: 10, mem: 1_000 }));
  framework.accept([offer], [launch(...tasks)]);
  const looked = vi.spyOn(north(here).inspect().frameworks, "launchingOn");
  for (let poll = 0; poll < 5; poll++) other.poll();
  expect(looked.mock.calls.flat()).not.toContain("n1");
  slow.poll();
  expect(slow.running).toHaveLength(20);
});

test("what was launched waits while its node stops what nobody here knows: that may need all there is", () => {
  const here = new PlayedLeague(["north"]);
  const agent = here.join("north", "n1");
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  const [offer] = framework.held() as [Offer];
  framework.accept([offer], [launch(launchTask(offer, "t1", { cpus: 10, mem: 1_000 }))]);
  agent.haunt("gone.0", 1);
  const { assignments, stops } = agent.poll();
  expect([assignments, stops.map(({ task }) => task)]).toEqual([[], ["gone.0"]]);
  agent.poll();
  expect(agent.running).toHaveLength(1);
});

test("a poll that wakes a cluster with a framework that has nothing and wants nothing writes and sends nothing", () => {
  const here = new PlayedLeague(["north"]);
  const agent = here.join("north", "n1", { capacity: { cpus: 1_000, mem: 1_000_000, gpus: 1_000 } });
  here.join("north", "n2");
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  framework.wish("lab", { suppressed: true });
  framework.decline(framework.held(), null);
  here.pass(120_000);
  const home = here.at("north");
  const [rows, rowsThere] = [home.rowsWritten, here.broker.rowsWritten];
  for (let wake = 0; wake < 5; wake++) {
    here.leap(20_000);
    home.crash();
    agent.poll();
    expect(home.takeEffects()).toEqual([]);
  }
  expect([home.rowsWritten - rows, here.broker.rowsWritten - rowsThere]).toEqual([0, 0]);
  // What it wants then is heard all the same.
  framework.wish("lab", { suppressed: false });
  here.pass(3_000);
  expect(framework.held()).toHaveLength(1);
});

test("a job that no offer makes room for is asked about again where something changed", () => {
  const toy = new ToyNodes();
  for (const name of ["n1", "n2", "n3"]) toy.node(name, 1);
  toy.grant("some", { count: 3, resources: { cpus: 0.6, mem: "1MB" } });
  const { frameworks } = toy.home.object.inspect();
  toy.framework("f1", "lab", { cpus: 1_200, mem: 192_000_000 });
  toy.pass(3_000);
  toy.grant("large", { resources: { cpus: 0.9, mem: "1MB" } });
  const before = [...frameworks.offers.keys()];
  expect(before).toHaveLength(3);
  const asked = vi.spyOn(frameworks.offers, "values");
  for (let turn = 0; turn < 20; turn++) toy.home.call("metrics", {});
  expect(asked.mock.calls.length).toBeLessThan(5);
  expect(toy.running("large")).toEqual({});
  toy.end("some.1");
  expect(Object.keys(toy.running("large"))).toHaveLength(1);
  expect(before.filter((id) => frameworks.offers.has(id))).toHaveLength(2);
});
