/** What Mesos' own tests hold of offers and agents, on a real Broker and real Clusters: each test has the name of Mesos' test. */
import { expect, test } from "vitest";
import type { Offer, Piece } from "../src/model/framework.ts";
import { amountsOf } from "../src/model/pieces.ts";
import { DEFAULT_POLICY } from "../src/model/role.ts";
import { PLAYED_INVENTORY } from "./support/playedAgent.ts";
import { launch, launchTask, PlayedFramework, piece, wish } from "./support/playedFramework.ts";
import { PlayedLeague } from "./support/playedLeague.ts";

const WHOLE = PLAYED_INVENTORY.capacity;
const SMALL = { cpus: 100, mem: 64_000 };
const HOUR = 3_600_000;

function league(nodes: number): PlayedLeague {
  const made = new PlayedLeague(["north"]);
  for (let i = 1; i <= nodes; i++) made.join("north", `n${i}`);
  return made;
}

const amounts = (offer: Offer | undefined) => amountsOf(offer?.pieces ?? []);

/** A league of one node, with one framework that runs the task t1 on it. */
function running() {
  const here = league(1);
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  const [offer] = framework.held() as [Offer];
  framework.accept([offer], [launch(launchTask(offer, "t1", SMALL))], HOUR);
  here.pass(2_000);
  const [agent] = here.agents;
  if (agent === undefined) throw new Error("no agent");
  const [task = "", epoch = ""] = (agent.running[0] ?? "").split("@");
  return { here, framework, offer, agent, task, epoch: Number(epoch) };
}

test("OperationFeedbackValidation: no agent tells how a RESERVE with an id went, so that it fails", () => {
  const here = league(1);
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  const [offer] = framework.held() as [Offer];
  const pieces = [piece(SMALL, { reservation: { role: "lab", principal: null, labels: [] } })];
  const { operations } = framework.accept([offer], [{ id: "r", type: "RESERVE", pieces, error: null }], HOUR);
  expect(operations).toMatchObject([{ operationId: "r", state: "OPERATION_ERROR", agentId: offer.agent.id }]);
  expect(operations[0]?.message).toMatch(/does not have the required RESOURCE_PROVIDER capability$/);
});

test("ResourcesGetReofferedAfterTaskInfoError: what a wrong task asked for goes to the next framework", () => {
  const here = league(1);
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  const [offer] = framework.held() as [Offer];
  const wrong = launchTask(offer, "t1", {}, { error: { message: "wrong", isId: false } });
  const { rejected } = framework.accept([offer], [launch(wrong)], HOUR);
  expect(rejected).toMatchObject([{ taskId: "t1", state: "TASK_ERROR", reason: "REASON_TASK_INVALID" }]);
  const next = new PlayedFramework(here, "f2", ["lab"]);
  here.pass(2_000);
  expect(amounts(next.held()[0])).toEqual(WHOLE);
});

test("ResourcesGetReofferedWhenUnused: accepted with no tasks, they go to another framework", () => {
  const here = league(1);
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  framework.accept(framework.held(), [], HOUR);
  const next = new PlayedFramework(here, "f2", ["lab"]);
  here.pass(2_000);
  expect(amounts(next.held()[0])).toEqual(WHOLE);
});

test("ResourcesGetReofferedAfterFrameworkStops", () => {
  const here = league(1);
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  const next = new PlayedFramework(here, "f2", ["lab"]);
  here.pass(2_000);
  expect(next.held()).toEqual([]);
  framework.say({ state: "removed" });
  here.pass(2_000);
  expect(amounts(next.held()[0])).toEqual(WHOLE);
});

test("OfferNotRescindedOnceUsed: answered in time, nothing is said of it later", () => {
  const { here, framework } = running();
  here.pass(60_000);
  expect(framework.rescinded).toEqual([]);
});

test("OfferNotRescindedOnceDeclined", () => {
  const here = league(1);
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  framework.decline(framework.held(), HOUR);
  here.pass(60_000);
  expect(framework.rescinded).toEqual([]);
});

test("ReleaseResourcesForTerminalTaskWithPendingUpdates: what an ended task had is free before its framework knows", () => {
  const { here, framework, agent, task, epoch } = running();
  framework.wish("lab", { suppressed: true });
  here.play("f1", () => undefined);
  agent.end(task, epoch);
  here.pass(1_000);
  const next = new PlayedFramework(here, "f2", ["shop"]);
  here.pass(3_000);
  expect(framework.tasks.get("t1")?.state).toBe("running");
  expect(amounts(next.held()[0])).toEqual(WHOLE);
});

test("MultiRoleFrameworkReceivesOffers: two roles, two nodes, an offer to each role", () => {
  const here = league(0);
  const framework = new PlayedFramework(here, "f1", ["a", "b"]);
  for (const name of ["n1", "n2"]) here.join("north", name);
  here.pass(3_000);
  expect(
    framework
      .held()
      .map(({ role }) => role)
      .sort(),
  ).toEqual(["a", "b"]);
});

test("PartitionedSlaveOrphanedTask: torn down meanwhile, its task is killed when the agent is back", () => {
  const { here, framework, agent } = running();
  here.agents.length = 0;
  here.pass(100_000);
  expect(framework.tasks.get("t1")?.state).toBe("unreachable");
  framework.say({ state: "removed" });
  here.pass(2_000);
  expect(agent.running).toHaveLength(1);
  here.agents.push(agent);
  here.pass(3_000);
  expect(agent.running).toEqual([]);
});

test("SpuriousSlaveReregistration: an agent that says anew who it is keeps its tasks", () => {
  const { here, framework, agent } = running();
  const before = [...agent.running];
  agent.restart();
  here.pass(3_000);
  expect(agent.running).toEqual(before);
  expect(framework.told).toEqual(["t1 running"]);
  expect(framework.lostAgents).toEqual([]);
});

test("SuppressAndReviveOffersWithMultiRole: what one role refuses is offered to the other", () => {
  const here = league(1);
  const framework = new PlayedFramework(here, "f1", ["a"]);
  here.pass(2_000);
  framework.decline(framework.held(), HOUR);
  here.pass(5_000);
  expect(framework.held()).toEqual([]);
  framework.say({ roles: [wish("a"), wish("b")] });
  here.pass(2_000);
  expect(framework.held().map(({ role }) => role)).toEqual(["b"]);
});

test("QuotaSetAsideReservedResources: what another's quota is for is not offered to who has its own set aside", () => {
  const here = league(2);
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  const [offer] = framework.held() as [Offer];
  const reserved: Piece = { ...piece(WHOLE), reservation: { role: "lab", principal: null, labels: [] } };
  framework.accept([offer], [{ id: null, type: "RESERVE", pieces: [reserved], error: null }], 0);
  framework.decline(framework.held(), 0);
  const policy = { ...DEFAULT_POLICY, guarantee: { cpus: 1_000 }, lend: { cpus: 0 } };
  here.broker.call("putRole", { name: "shop", policy });
  here.pass(5_000);
  const offered = framework.held().flatMap(({ pieces }) => pieces.filter(({ amounts }) => amounts.cpus ?? 0));
  expect(offered).toEqual([reserved]);
});

test("MaintenanceInverseOffers: only to frameworks with something there, once", () => {
  const { here, framework, offer } = running();
  const other = new PlayedFramework(here, "f2", ["shop"]);
  here.pass(2_000);
  here.at("north").call("drainNode", { name: "n1", deadlineMs: 60_000, forMs: null });
  here.pass(20_000);
  const { id: agentId, hostname, ip } = offer.agent;
  expect(framework.inverseOffers).toMatchObject([{ agentId, hostname, ip }]);
  expect(other.inverseOffers).toEqual([]);
});

test("RescindOffersEnforcingLimits: what a role's new limit has no room for is rescinded", () => {
  const here = league(2);
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  expect(framework.held()).toHaveLength(2);
  here.broker.call("putRole", { name: "lab", policy: { ...DEFAULT_POLICY, limit: { cpus: 1_000 } } });
  here.pass(3_000);
  expect(framework.rescinded).toHaveLength(1);
  expect(framework.held()).toHaveLength(1);
});

test("RescindOffersForUpdateQuotaGuarantees: a guarantee that another role needs is taken from offers", () => {
  const here = league(2);
  const greedy = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  expect(greedy.held()).toHaveLength(2);
  const due = new PlayedFramework(here, "f2", ["shop"]);
  here.broker.call("putRole", {
    name: "shop",
    policy: { ...DEFAULT_POLICY, guarantee: { cpus: 2_000 }, lend: { cpus: 0 } },
  });
  here.pass(4_000);
  expect(greedy.held()).toEqual([]);
  expect(due.held()).toHaveLength(2);
});

test("MasterAlreadyDrainedTest.DrainAgent: an idle node is drained at once, and not offered", () => {
  const here = league(1);
  here.at("north").call("drainNode", { name: "n1", deadlineMs: 60_000, forMs: null });
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(5_000);
  expect(framework.made).toBe(0);
  expect(here.at("north").call("node", { name: "n1" })).toMatchObject({ state: "drained" });
});

test("MasterDrainingTest.DrainAgent: its tasks are killed by the deadline, then it is drained", () => {
  const { here, framework } = running();
  here.at("north").call("drainNode", { name: "n1", deadlineMs: 10_000, forMs: null });
  here.pass(20_000);
  expect(framework.tasks.get("t1")).toMatchObject({ state: "cancelled", reason: "drained" });
  expect(here.at("north").call("node", { name: "n1" })).toMatchObject({ state: "drained" });
});
