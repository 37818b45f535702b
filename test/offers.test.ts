/** Frameworks in a league: a real Broker and real Clusters, with agents and Framework objects that are played. */
import { expect, test, vi } from "vitest";
import type { Cluster } from "../src/cluster/cluster.ts";
import type { Preview } from "../src/cluster/methods.ts";
import type { Offer, Piece } from "../src/model/framework.ts";
import { jobSpecSchema, templateOf } from "../src/model/job.ts";
import { amountsOf } from "../src/model/pieces.ts";
import { DEFAULT_POLICY } from "../src/model/role.ts";
import type { Tell } from "../src/protocol/frameworks.ts";
import type { GrantMessage } from "../src/protocol/levels.ts";
import { PLAYED_INVENTORY, PlayedAgent } from "./support/playedAgent.ts";
import { launch, launchTask, PlayedFramework, piece } from "./support/playedFramework.ts";
import { PlayedLeague } from "./support/playedLeague.ts";

const WHOLE = PLAYED_INVENTORY.capacity;
const SMALL = { cpus: 100, mem: 64_000 };

function league(nodes: Record<string, number>): PlayedLeague {
  const made = new PlayedLeague(Object.keys(nodes));
  for (const [cluster, n] of Object.entries(nodes)) for (let i = 1; i <= n; i++) made.join(cluster, `${cluster}-${i}`);
  return made;
}

const amounts = (offer: Offer | undefined) => amountsOf(offer?.pieces ?? []);

test("a framework is offered whole nodes of every cluster, with where they are", () => {
  const here = league({ north: 2, south: 1 });
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  expect(framework.held("north")).toHaveLength(2);
  expect(framework.held("south")).toHaveLength(1);
  for (const offer of framework.held()) expect(amounts(offer)).toEqual(WHOLE);
  expect(framework.held("south")[0]?.agent).toMatchObject({ id: "south.south-1.1", attributes: { cluster: "south" } });
});

test("tasks that it launches run on the node that was offered, and it is told how they go", () => {
  const here = league({ north: 1 });
  const [agent] = here.agents;
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  const [offer] = framework.held() as [Offer];
  const answer = framework.accept([offer], [launch(launchTask(offer, "t1", SMALL), launchTask(offer, "t2", SMALL))]);
  expect(answer).toEqual({ rejected: [], operations: [] });
  here.pass(2_000);
  expect(agent?.running).toHaveLength(2);
  expect(framework.tasks.get("t1")).toMatchObject({ state: "running", agentId: offer.agent.id });
  // What is left of the node was refused for five seconds.
  expect(framework.held()).toEqual([]);
  here.pass(5_000);
  expect(amounts(framework.held()[0])).toEqual({ cpus: 800, mem: 872_000 });
  const [task = "", epoch = ""] = (agent?.running[0] ?? "").split("@");
  agent?.end(task, Number(epoch), { state: "failed", reason: "exit", code: 3 });
  here.pass(2_000);
  expect(framework.told.filter((one) => one.startsWith("t1"))).toEqual(["t1 running", "t1 failed"]);
  expect(framework.tasks.get("t1")).toMatchObject({ reason: "exit", code: 3 });
});

test("SchedulerTest.Decline: after one interval the same is offered again", () => {
  const here = league({ north: 1 });
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  framework.decline(framework.held(), 0);
  expect(framework.held()).toEqual([]);
  here.pass(2_500);
  expect(amounts(framework.held()[0])).toEqual(WHOLE);
});

test("SchedulerTest.Revive: what was declined for an hour is offered at once when it asks", () => {
  const here = league({ north: 1 });
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  framework.decline(framework.held(), 3_600_000);
  here.pass(30 * 60_000);
  expect(framework.held()).toEqual([]);
  framework.wish("lab", { revived: 1 });
  here.pass(1_000);
  expect(framework.held()).toHaveLength(1);
});

test("what was declined on a node that is another one now is offered, also after the object slept", () => {
  const here = league({ north: 2 });
  const home = here.at("north");
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  framework.decline(framework.held(), 3_600_000);
  here.agents[0]?.restart({ capacity: { cpus: 800, mem: 1_000_000 } });
  here.pass(1_000);
  home.crash();
  here.pass(3_000);
  expect(framework.held().map(amounts)).toEqual([{ cpus: 800, mem: 1_000_000 }]);
  expect(home.query("SELECT nodes FROM refusal")).toEqual([{ nodes: '["north-2"]' }]);
});

test("nothing is kept of what an unknown framework asks for", () => {
  const here = league({ north: 1 });
  const home = here.at("north");
  const { framework, request } = oneAsked(here);
  expect(framework.ask({ ...request, framework: "f2" })).toMatchObject({ rejected: [{ taskId: "t1" }] });
  expect(home.query("SELECT id FROM accepted")).toEqual([]);
});

test("a suppressed role keeps what it holds and is offered nothing more", () => {
  const here = league({ north: 1 });
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  framework.wish("lab", { suppressed: true });
  here.pass(2_000);
  expect(framework.held()).toHaveLength(1);
  framework.decline(framework.held(), 0);
  here.pass(10_000);
  expect(framework.held()).toEqual([]);
  framework.wish("lab", { suppressed: false, revived: 1 });
  here.pass(2_000);
  expect(framework.held()).toHaveLength(1);
});

test("OfferTimeout: what is not answered is rescinded, and offered again", () => {
  const here = league({ north: 1 });
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  const [offer] = framework.held();
  here.pass(30_000);
  expect(framework.rescinded).toEqual([offer?.id]);
  here.pass(3_000);
  expect(framework.held()).toHaveLength(1);
  expect(framework.made).toBe(2);
});

test("one that never answers leaves others more and more of the time", () => {
  const here = league({ north: 1 });
  const deaf = new PlayedFramework(here, "deaf", ["lab"]);
  const busy = new PlayedFramework(here, "busy", ["shop"]);
  let busyMs = 0;
  for (let s = 0; s < 600; s++) {
    here.pass(1_000);
    if (busy.held().length > 0) busyMs += 1_000;
    busy.decline(busy.held(), 0);
  }
  expect(deaf.made).toBeGreaterThan(1);
  expect(deaf.made).toBeLessThan(10);
  expect(busyMs).toBeGreaterThan(150_000);
});

test("nor does it when the object sleeps whenever it may", () => {
  const here = league({ north: 1 });
  const deaf = new PlayedFramework(here, "deaf", ["lab"]);
  const home = here.at("north");
  for (let s = 0; s < 600; s++) {
    here.pass(1_000);
    if ((home.alarmAt ?? Number.POSITIVE_INFINITY) - here.nowMs > 1_000) home.crash();
  }
  expect(deaf.made).toBeGreaterThan(1);
  expect(deaf.made).toBeLessThan(10);
});

test("offers that lapse at about the same time are one lapse", () => {
  const here = league({ north: 4 });
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  for (let i = 5; i <= 10; i++) here.join("north", `north-${i}`);
  here.pass(20_000);
  expect(framework.held()).toHaveLength(10);
  here.pass(18_000);
  expect(framework.rescinded).toHaveLength(10);
  expect(framework.held()).toHaveLength(10);
});

/** Whether it is offered to after all others. */
const isIdle = (here: PlayedLeague) =>
  (here.at("north").object as Cluster).inspect().frameworks.byId.get("f1")?.roles.get("lab")?.isIdle;

test("who takes something of what it was offered is not idle, however many calls decline the rest, and when", () => {
  const here = league({ north: 10 });
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  for (let n = 0; n < 3; n++) {
    here.pass(3_000);
    const [before, taken, ...rest] = framework.held() as [Offer, Offer, ...Offer[]];
    framework.decline([before], 0);
    framework.accept([taken], [launch(launchTask(taken, `t${n}`, SMALL))], 0);
    for (const offer of rest) {
      framework.decline([offer], 0);
      here.pass(500);
    }
    expect(isIdle(here)).toBe(false);
  }
  for (let n = 0; n < 3; n++) {
    expect(isIdle(here)).toBe(false);
    here.pass(3_000);
    framework.decline(framework.held(), 0);
  }
  expect(isIdle(here)).toBe(true);
  here.at("north").crash();
  expect(isIdle(here)).toBe(true);
});

test("who sets aside what it is offered takes it", () => {
  const here = league({ north: 1 });
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  for (let n = 0; n < 4; n++) {
    here.pass(3_000);
    const [offer] = framework.held() as [Offer];
    const reservation = { role: "lab", principal: null, labels: [] };
    const pieces = [piece({ cpus: 100 }, { reservation })];
    const type = n % 2 === 0 ? "RESERVE" : "UNRESERVE";
    framework.accept([offer], [{ id: null, type, pieces, error: null }], 0);
  }
  expect(isIdle(here)).toBe(false);
});

test("one that declines everything starves nobody", () => {
  const here = league({ north: 2 });
  const picky = new PlayedFramework(here, "picky", ["lab"]);
  const other = new PlayedFramework(here, "other", ["shop"]);
  for (let s = 0; s < 20 && other.tasks.size < 4; s++) {
    here.pass(1_000);
    picky.decline(picky.held(), 0);
    for (const offer of other.held()) {
      const n = other.tasks.size;
      other.accept([offer], [launch(launchTask(offer, `t${s}${n}`, { cpus: 500, mem: 64_000 }))]);
    }
  }
  expect(other.tasks.size).toBeGreaterThanOrEqual(4);
});

for (const [how, refuseMs, offered] of [
  ["declined", 0, "other"],
  ["given back", null, "first"],
] as const)
  test(`whose offers were ${how} three times is ${offered === "first" ? "not " : ""}offered to after all others`, () => {
    const here = league({ north: 1 });
    const first = new PlayedFramework(here, "first", ["lab"]);
    for (let times = 0; times < 3; times++) {
      here.pass(2_000);
      expect(first.held()).toHaveLength(1);
      if (times === 2) new PlayedFramework(here, "other", ["lab"]);
      first.decline(first.held(), refuseMs);
    }
    here.pass(2_000);
    expect(first.held()).toHaveLength(offered === "first" ? 1 : 0);
  });

test("CoarseGrained: nodes that come go to the two frameworks in turns", () => {
  const here = league({ north: 0, south: 0 });
  const one = new PlayedFramework(here, "one", ["lab"]);
  const two = new PlayedFramework(here, "two", ["shop"]);
  for (const name of ["a", "b"]) for (const cluster of ["north", "south"]) here.join(cluster, name);
  here.pass(2_000);
  expect([one.held().length, two.held().length]).toEqual([2, 2]);
});

test("a job that is submitted takes what is only offered, and its framework is told", () => {
  const here = league({ north: 1 });
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  const [offer] = framework.held() as [Offer];
  here.submit("job1", { command: "true", role: "shop" });
  here.pass(2_000);
  expect(here.agents[0]?.running).toHaveLength(1);
  expect(framework.rescinded).toEqual([offer.id]);
  here.pass(2_000);
  expect(amounts(framework.held()[0])).toEqual({ cpus: 900, mem: 936_000 });
});

test("a plan counts what is only offered as free", () => {
  const here = league({ north: 1 });
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  expect(framework.held()).toHaveLength(1);
  const template = templateOf(jobSpecSchema.parse({ command: "true" }));
  const { places } = here.at("north").call("preview", { template, counts: { default: 2 } }) as Preview;
  expect(places).toEqual([{ partition: "default", node: "north-1", tasks: 2 }]);
  expect(framework.rescinded).toEqual([]);
});

test("a framework hears that an offer holds no more, also when the object sleeps before", () => {
  const here = league({ north: 1 });
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  const [offer] = framework.held() as [Offer];
  framework.isDown = true;
  here.submit("job1", { command: "true", role: "shop", resources: { cpus: 1 } });
  for (const home of [here.at("north"), here.at("north")]) {
    here.pass(1_000);
    home.crash();
  }
  framework.isDown = false;
  here.pass(2_000);
  expect(framework.rescinded).toEqual([offer.id]);
});

test("what was cut for a framework before it says that it wants none now is not offered to it", () => {
  const here = league({ north: 0 });
  const home = here.at("north");
  new PlayedFramework(here, "f1", ["lab"]);
  here.pass(1_000);
  const held = new Set<string>();
  let tells = 0;
  here.play("f1", (_, args) => {
    const { offers, rescinded } = args as Tell;
    for (const { id } of offers) held.add(id);
    for (const id of rescinded) held.delete(id);
    if (offers.length === 0 || tells++ > 0) return { isKnown: true, isActive: true };
    // Another node comes before this is heard.
    here.leap(2_000);
    here.agents.push(new PlayedAgent((method, ask) => home.call(method, ask), "north", "north-2"));
    return { isKnown: true, isActive: false };
  });
  here.join("north", "north-1");
  here.pass(5_000);
  expect(tells).toBeGreaterThan(0);
  expect(home.call("metrics", {})).toMatchObject({ offers_held: held.size });
});

test("a gang that is submitted takes what is only offered", () => {
  const here = league({ north: 2 });
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  here.submit("gang1", { command: "true", role: "shop", count: 2, gang: true, resources: { cpus: 1 } });
  here.pass(3_000);
  // These nodes hold no poll: its places are kept until they do.
  expect(here.job("gang1").waits?.detail).toContain("2 of 2 places are kept for it");
  for (const offer of framework.held()) expect(amounts(offer)).toEqual({ mem: 936_000 });
});

test("an accept is done once, however often it is said", () => {
  const here = league({ north: 1 });
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  const [offer] = framework.held() as [Offer];
  const operations = [launch(launchTask(offer, "t1", SMALL))];
  const first = framework.accept([offer], operations, 5_000, "same");
  here.pass(2_000);
  expect(framework.accept([offer], operations, 5_000, "same")).toEqual(first);
  here.pass(2_000);
  expect(here.agents[0]?.running).toHaveLength(1);
});

/** An offer, and what was asked for on it: one task. */
function oneAsked(here: PlayedLeague) {
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  const [offer] = framework.held() as [Offer];
  const request = {
    framework: "f1",
    id: "a1",
    incarnation: framework.incarnations.get("north") ?? 0,
    offers: [offer.id],
    operations: [launch(launchTask(offer, "t1", SMALL))],
    refuseMs: 0,
  };
  return { framework, request };
}

test("a cluster that lost what it knew says of no accept from before that nothing was launched", () => {
  const here = league({ north: 1 });
  const { framework, request } = oneAsked(here);
  expect(framework.ask(request)).toEqual({ rejected: [], operations: [] });
  here.pass(3_000);
  const home = here.at("north");
  home.generation += 1;
  home.crash();
  expect(framework.ask(request)).toEqual({ rejected: [], operations: [], isUnknown: true });
  here.pass(3_000);
  expect(framework.ask(request)).toEqual({ rejected: [], operations: [], isUnknown: true });
  expect(framework.ask({ ...request, id: "a2", incarnation: framework.incarnations.get("north") ?? 0 })).toMatchObject({
    rejected: [{ taskId: "t1", reason: "REASON_INVALID_OFFERS" }],
  });
});

test("an accept is done once, also when the clock leaps before it is said again", () => {
  const here = league({ north: 1 });
  const { framework, request } = oneAsked(here);
  expect(framework.ask(request)).toEqual({ rejected: [], operations: [] });
  here.leap(86_400_000);
  here.at("north").crash();
  framework.ask({ ...request, id: "a2" });
  expect(framework.ask(request)).toEqual({ rejected: [], operations: [] });
});

test("an offer that was rescinded meanwhile launches nothing", () => {
  const here = league({ north: 1 });
  const aware = new PlayedFramework(here, "f1", ["lab"], { capabilities: ["PARTITION_AWARE"] });
  here.pass(2_000);
  const [offer] = aware.held() as [Offer];
  aware.accept([offer], [], 0);
  const { rejected } = aware.accept([offer], [launch(launchTask(offer, "t1", SMALL))]);
  expect(rejected).toEqual([
    expect.objectContaining({
      taskId: "t1",
      state: "TASK_DROPPED",
      reason: "REASON_INVALID_OFFERS",
      message: `Task launched with invalid offers: Offer ${offer.id} is no longer valid`,
    }),
  ]);
});

test("what asks for more than is offered is an error, and the rest is launched", () => {
  const here = league({ north: 1 });
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  const [offer] = framework.held() as [Offer];
  const { rejected } = framework.accept(
    [offer],
    [
      launch(
        launchTask(offer, "big", { cpus: 2_000 }),
        launchTask(offer, "t1", SMALL),
        launchTask(offer, "t1", SMALL),
        launchTask(offer, "elsewhere", SMALL, { agentId: "south.x.1" }),
      ),
    ],
  );
  expect(rejected.map(({ taskId, message }) => [taskId, message])).toEqual([
    ["big", "Total resources cpus:2 required by task and its executor is more than available cpus:1; mem:1000"],
    ["t1", "Task has duplicate ID: t1"],
    ["elsewhere", "Task uses invalid agent south.x.1 while agent north.north-1.1 is expected"],
  ]);
  here.pass(2_000);
  expect(here.agents[0]?.running).toHaveLength(1);
});

test("TaskGroupRunning: all of a group or none, and when one fails the others are stopped", () => {
  const here = league({ north: 1 });
  const [agent] = here.agents;
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  const [offer] = framework.held() as [Offer];
  const group = (...tasks: ReturnType<typeof launchTask>[]) => ({
    id: null,
    type: "LAUNCH_GROUP" as const,
    executorId: "e1",
    pieces: [piece({ cpus: 10, mem: 32_000 })],
    tasks,
    error: null,
  });
  const { rejected } = framework.accept(
    [offer],
    [
      group(launchTask(offer, "a", SMALL), launchTask(offer, "b", { cpus: 5_000 })),
      group(launchTask(offer, "c", SMALL, { executorId: "e1" }), launchTask(offer, "d", SMALL, { executorId: "e1" })),
    ],
  );
  expect(rejected.map(({ taskId, reason }) => [taskId, reason])).toEqual([
    ["a", "REASON_TASK_GROUP_INVALID"],
    ["b", "REASON_TASK_GROUP_INVALID"],
  ]);
  here.pass(2_000);
  expect(agent?.running).toHaveLength(2);
  const [task = "", epoch = ""] = (agent?.running[0] ?? "").split("@");
  agent?.end(task, Number(epoch), { state: "failed", reason: "exit", code: 1 });
  here.pass(2_000);
  expect(agent?.running).toEqual([]);
  expect([...framework.tasks.values()].map(({ state }) => state).sort()).toEqual(["cancelled", "failed"]);
});

test("a task is killed, on its node or on its way there", () => {
  const here = league({ north: 1 });
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  const [offer] = framework.held() as [Offer];
  framework.accept([offer], [launch(launchTask(offer, "t1", SMALL), launchTask(offer, "t2", SMALL))]);
  framework.kill("north", "t1");
  here.pass(2_000);
  expect(here.agents[0]?.running).toHaveLength(1);
  framework.kill("north", "t2");
  here.pass(2_000);
  expect(here.agents[0]?.running).toEqual([]);
  expect(["t1", "t2"].map((id) => framework.tasks.get(id)?.state)).toEqual(["cancelled", "cancelled"]);
});

test("RESERVE sets a part of a node aside: only its role is offered it, until UNRESERVE", () => {
  const here = league({ north: 1 });
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  const [offer] = framework.held() as [Offer];
  const reserved: Piece = {
    reservation: { role: "lab", principal: null, labels: [] },
    amounts: { cpus: 400, mem: 100_000 },
    ports: [],
  };
  const reserve = { id: null, type: "RESERVE" as const, pieces: [reserved], error: null };
  expect(framework.accept([offer], [reserve], 0)).toEqual({ rejected: [], operations: [] });
  here.pass(3_000);
  const [again] = framework.held() as [Offer];
  expect(again.pieces).toContainEqual(reserved);
  expect(amounts(again)).toEqual(WHOLE);
  expect(here.at("north").call("node", { name: "north-1" })).toMatchObject({
    serial: 1,
    used: {},
    offered: WHOLE,
    reserved: { lab: reserved.amounts },
  });
  framework.decline([again], 3_600_000);
  const other = new PlayedFramework(here, "f2", ["shop"]);
  here.pass(2_000);
  expect(amounts(other.held()[0])).toEqual({ cpus: 600, mem: 900_000 });
  other.say({ state: "removed" });
  framework.wish("lab", { revived: 1 });
  here.pass(3_000);
  const [third] = framework.held() as [Offer];
  const task = launchTask(third, "t1", {}, { pieces: [{ ...reserved, amounts: { cpus: 100, mem: 50_000 } }] });
  const rest = { ...reserved, amounts: { cpus: 300, mem: 50_000 } };
  const unreserve = { id: null, type: "UNRESERVE" as const, pieces: [rest], error: null };
  expect(framework.accept([third], [launch(task), unreserve], 0).rejected).toEqual([]);
  here.pass(3_000);
  expect(here.agents[0]?.running).toHaveLength(1);
  expect(amounts(framework.held()[0])).toEqual({ cpus: 900, mem: 950_000 });
});

test("PartitionedSlave: a silent node's offers are rescinded, its tasks unreachable, and back when it is", () => {
  const here = league({ north: 1 });
  const [agent] = here.agents;
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  const [offer] = framework.held() as [Offer];
  framework.accept([offer], [launch(launchTask(offer, "t1", SMALL))], 0);
  here.pass(3_000);
  expect(framework.held()).toHaveLength(1);
  here.agents.length = 0;
  here.pass(100_000);
  expect(framework.held()).toEqual([]);
  expect(framework.lostAgents).toEqual([offer.agent.id]);
  expect(framework.tasks.get("t1")?.state).toBe("unreachable");
  if (agent) here.agents.push(agent);
  here.pass(3_000);
  expect(framework.tasks.get("t1")?.state).toBe("running");
  here.agents.length = 0;
  here.pass(700_000);
  expect(framework.tasks.get("t1")?.state).toBe("lost");
});

test("a cluster whose last framework was removed while it held an offer sleeps", () => {
  const here = new PlayedLeague(["north"]);
  const agent = here.join("north", "n1");
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  expect(framework.held()).toHaveLength(1);
  framework.say({ state: "removed" });
  here.pass(400_000);
  agent.poll();
  expect(here.at("north").alarmAt ?? Number.POSITIVE_INFINITY).toBeGreaterThan(here.nowMs + 1_000);
});

test("a copy of what a cluster was told of a framework that comes when that is long gone brings nothing back", () => {
  const here = new PlayedLeague(["north"]);
  const heard = vi.spyOn(here.at("north"), "call");
  here.join("north", "n1");
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  expect(framework.held()).toHaveLength(1);
  const copies = heard.mock.calls.filter(([method]) => method === "grant").map(([, args]) => args as GrantMessage);
  const copy = copies.findLast(({ frameworks = [] }) => frameworks.length > 0);
  framework.say({ state: "removed" });
  here.pass(5_000);
  expect(here.at("north").query("SELECT id FROM framework")).toEqual([]);
  here.at("north").call("grant", copy);
  here.pass(5_000);
  expect(here.at("north").query("SELECT id FROM framework")).toEqual([]);
  expect(here.at("north").call("metrics", {})).toMatchObject({ offers_held: 0, frameworks: 0 });
});

test("a framework that is removed leaves nothing: its tasks are killed, its offers given back", () => {
  const here = league({ north: 1 });
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  const [offer] = framework.held() as [Offer];
  framework.accept([offer], [launch(launchTask(offer, "t1", SMALL))], 0);
  here.pass(3_000);
  framework.say({ state: "removed" });
  here.pass(5_000);
  expect(here.agents[0]?.running).toEqual([]);
  expect(here.at("north").call("metrics", {})).toMatchObject({ offers_held: 0, frameworks: 0 });
  expect(here.broker.call("frameworks", {})).toEqual([]);
});

test("frameworks with tasks on a node that is drained are asked to leave it, once", () => {
  const here = league({ north: 1 });
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  const [offer] = framework.held() as [Offer];
  framework.accept([offer], [launch(launchTask(offer, "t1", SMALL))], 0);
  here.pass(3_000);
  here.at("north").call("drainNode", { name: "north-1", deadlineMs: 20_000, forMs: null });
  here.pass(10_000);
  expect(framework.inverseOffers).toMatchObject([{ agentId: offer.agent.id }]);
  expect(framework.held()).toEqual([]);
  here.pass(15_000);
  expect(framework.tasks.get("t1")).toMatchObject({ state: "cancelled", reason: "drained" });
});

test("who was asked to leave a node is not asked again for the same drain, however often the object sleeps", () => {
  const here = league({ north: 1 });
  const home = here.at("north");
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  const [offer] = framework.held() as [Offer];
  framework.accept([offer], [launch(launchTask(offer, "t1", SMALL))], 0);
  here.pass(3_000);
  const drain = () => home.call("drainNode", { name: "north-1", deadlineMs: 3_600_000, forMs: null });
  const sleep = () => {
    home.crash();
    here.pass(2_000);
  };
  framework.isDown = true;
  drain();
  sleep();
  framework.isDown = false;
  here.pass(3_000);
  sleep();
  expect(framework.inverseOffers.map(({ agentId }) => agentId)).toEqual([offer.agent.id]);
  home.call("undrainNode", { name: "north-1" });
  sleep();
  expect([...framework.heldInverse]).toEqual([]);
  drain();
  here.pass(2_000);
  expect(framework.inverseOffers).toHaveLength(2);
  framework.answerInverse("north");
  sleep();
  expect(framework.inverseOffers).toHaveLength(2);
});

test("a task on its way to a node of a cluster that is drained is killed, and its framework is told", () => {
  const here = league({ north: 1 });
  const [agent] = here.agents;
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  const [offer] = framework.held() as [Offer];
  here.agents.length = 0;
  framework.accept([offer], [launch(launchTask(offer, "t1", SMALL))]);
  here.at("north").call("drain", { deadlineMs: 20_000, forMs: null });
  here.pass(1_000);
  if (agent) here.agents.push(agent);
  here.pass(3_000);
  expect(framework.tasks.get("t1")?.state).toBe("cancelled");
  expect(agent?.running).toEqual([]);
});

test("what it holds and runs outlives the object's memory", () => {
  const here = league({ north: 1 });
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  const [offer] = framework.held() as [Offer];
  here.at("north").crash();
  here.broker.crash();
  const { rejected } = framework.accept([offer], [launch(launchTask(offer, "t1", SMALL))]);
  expect(rejected).toEqual([]);
  here.at("north").crash();
  here.pass(3_000);
  expect(here.agents[0]?.running).toHaveLength(1);
  here.at("north").crash();
  here.pass(3_000);
  expect(framework.tasks.get("t1")?.state).toBe("running");
  framework.kill("north", "t1");
  here.pass(3_000);
  expect(framework.tasks.get("t1")?.state).toBe("cancelled");
});

test("who waited for a part of a node and wants none any more wakes nobody", () => {
  const here = league({ north: 1 });
  here.broker.call("putRole", { name: "lab", policy: { ...DEFAULT_POLICY, limit: { cpus: 500 } } });
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(500);
  expect(framework.made).toBe(0);
  framework.wish("lab", { suppressed: true });
  here.pass(10_000);
  const { alarmAt } = here.at("north");
  expect((alarmAt ?? Number.POSITIVE_INFINITY) - here.nowMs).toBeGreaterThan(1_000);
});

test("a part of a node that was declined is not offered again before its time", () => {
  const here = league({ north: 1 });
  here.broker.call("putRole", { name: "lab", policy: { ...DEFAULT_POLICY, limit: { cpus: 500 } } });
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(4_000);
  expect(amounts(framework.held()[0])).toEqual({ cpus: 500, mem: 1_000_000 });
  framework.decline(framework.held(), 60_000);
  here.pass(50_000);
  expect(framework.made).toBe(1);
  here.pass(20_000);
  expect(framework.made).toBe(2);
});

test("who may have a part without ports keeps an offer of one", () => {
  const here = new PlayedLeague(["north"]);
  here.join("north", "n1", { ports: [[31_000, 31_009]], capacity: { ...WHOLE, ports: 10_000 } });
  here.broker.call("putRole", { name: "lab", policy: { ...DEFAULT_POLICY, limit: { ports: 2_000 } } });
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(8_000);
  expect(framework.held()).toHaveLength(1);
  expect(framework.held()[0]?.pieces[0]?.ports).toEqual([[31_000, 31_001]]);
  expect(framework.rescinded).toEqual([]);
});

test("of ports and gpus a part of a node has whole ones, however its limits are", () => {
  const here = new PlayedLeague(["north"]);
  here.join("north", "n1", { ports: [[31_000, 31_009]], capacity: { ...WHOLE, gpus: 2_000, ports: 10_000 } });
  here.broker.call("putRole", { name: "lab", policy: { ...DEFAULT_POLICY, limit: { ports: 2_750, gpus: 1_500 } } });
  const framework = new PlayedFramework(here, "f1", ["lab"], { capabilities: ["GPU_RESOURCES"] });
  here.pass(8_000);
  const part = { reservation: null, amounts: { ...WHOLE, gpus: 1_000, ports: 2_000 }, ports: [[31_000, 31_001]] };
  expect(framework.held().map(({ pieces }) => pieces)).toEqual([[part]]);
});

test("a task that was accepted for a node which died then is lost, and stays so when the node is back", () => {
  const here = league({ north: 1 });
  const [agent] = here.agents;
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  const [offer] = framework.held() as [Offer];
  here.agents.length = 0;
  framework.accept([offer], [launch(launchTask(offer, "t1", SMALL))]);
  here.pass(100_000);
  expect(framework.tasks.get("t1")).toMatchObject({ state: "lost", reason: "agent-lost" });
  here.at("north").crash();
  if (agent) here.agents.push(agent);
  here.pass(10_000);
  expect(agent?.running).toEqual([]);
});

test("a task that was accepted for a node which died then is lost, also of an object that sleeps whenever it may", () => {
  const here = league({ north: 1 });
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  const [offer] = framework.held() as [Offer];
  here.agents.length = 0;
  framework.accept([offer], [launch(launchTask(offer, "t1", SMALL))], 3_600_000);
  const home = here.at("north");
  for (let s = 0; s < 120; s++) {
    here.pass(1_000);
    if ((home.alarmAt ?? Number.POSITIVE_INFINITY) - here.nowMs > 10_000) home.crash();
  }
  expect(framework.tasks.get("t1")).toMatchObject({ state: "lost", reason: "agent-lost" });
});

test("a task that its node never began and that was lost with it is told once, and is nothing then", () => {
  const here = league({ north: 1 });
  const [agent] = here.agents;
  const home = here.at("north");
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  const [offer] = framework.held() as [Offer];
  if (agent) agent.isDeaf = true;
  framework.accept([offer], [launch(launchTask(offer, "t1", SMALL))], 3_600_000);
  here.pass(500);
  home.call("pauseNode", { name: "north-1", paused: true });
  here.pass(500);
  framework.isDown = true;
  here.agents.length = 0;
  here.pass(80_000);
  home.crash();
  framework.isDown = false;
  here.pass(80_000);
  home.crash();
  here.pass(5_000);
  expect(framework.told.filter((one) => one === "t1 lost")).toHaveLength(1);
  framework.say({ state: "removed" });
  here.pass(3_000);
  expect(here.broker.call("frameworks", {})).toEqual([]);
});

test("groups of one executor are each other's fate no more than others", () => {
  const here = league({ north: 1 });
  const [agent] = here.agents;
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  const [offer] = framework.held() as [Offer];
  const group = (...ids: string[]) => ({
    id: null,
    type: "LAUNCH_GROUP" as const,
    executorId: "e1",
    pieces: [],
    tasks: ids.map((id) => launchTask(offer, id, SMALL, { executorId: "e1" })),
    error: null,
  });
  framework.accept([offer], [group("a", "b"), group("c", "d")]);
  here.pass(2_000);
  expect(agent?.running).toHaveLength(4);
  framework.kill("north", "c");
  here.pass(3_000);
  expect(["a", "b", "c", "d"].map((id) => framework.tasks.get(id)?.state)).toEqual([
    "running",
    "running",
    "cancelled",
    "cancelled",
  ]);
});

test("a task of a group that is killed on its way to the node takes the others with it", () => {
  const here = league({ north: 1 });
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  const [offer] = framework.held() as [Offer];
  const tasks = ["a", "b"].map((id) => launchTask(offer, id, SMALL, { executorId: "e1" }));
  framework.accept([offer], [{ id: null, type: "LAUNCH_GROUP", executorId: "e1", pieces: [], tasks, error: null }]);
  framework.kill("north", "a");
  here.pass(3_000);
  expect(here.agents[0]?.running).toEqual([]);
  expect(["a", "b"].map((id) => framework.tasks.get(id)?.state)).toEqual(["cancelled", "cancelled"]);
});
