/** What frameworks set aside, on a real Broker and real Clusters: whose it is, and that it ends with what it is of. */
import { expect, test } from "vitest";
import type { Offer, Piece } from "../src/model/framework.ts";
import { amountsOf } from "../src/model/pieces.ts";
import { PLAYED_INVENTORY } from "./support/playedAgent.ts";
import { launch, launchTask, PlayedFramework, piece, wish } from "./support/playedFramework.ts";
import { PlayedLeague } from "./support/playedLeague.ts";

const WHOLE = PLAYED_INVENTORY.capacity;
const HOUR = 3_600_000;
/** What was not heard is told again. */
const POKE_MS = 180_000;

const aside = (role: string, amounts: Piece["amounts"] = WHOLE): Piece =>
  piece(amounts, { reservation: { role, principal: null, labels: [] } });
const reserve = (...pieces: Piece[]) => ({ id: null, type: "RESERVE" as const, pieces, error: null });
const amounts = (offer: Offer | undefined) => amountsOf(offer?.pieces ?? []);

/** A league of that many nodes, with n1 set aside whole for role lab by a framework of it. */
function withReserved(nodes: number) {
  const here = new PlayedLeague(["north"]);
  for (let i = 1; i <= nodes; i++) here.join("north", `n${i}`);
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  const [offer] = framework.held().filter(({ agent }) => agent.hostname === "n1") as [Offer];
  expect(framework.accept([offer], [reserve(aside("lab"))], 0)).toEqual({ rejected: [], operations: [] });
  return { here, framework };
}

const chargedTo = (here: PlayedLeague, role: string) =>
  (here.broker.call("role", { name: role }) as { charged: Record<string, number> }).charged;
const nodeOf = (here: PlayedLeague, name: string) =>
  here.at("north").call("node", { name }) as { reserved: Record<string, unknown>; capacity: Record<string, number> };

test("a node that is set aside whole is offered to its role, whatever else is free", () => {
  const { here, framework } = withReserved(1);
  here.pass(3_000);
  expect(framework.held().map(({ pieces }) => pieces)).toEqual([[aside("lab")]]);
});

test("without frameworks it is still told of, charged and kept, and wakes nobody more often than anything else", () => {
  const { here, framework } = withReserved(1);
  framework.decline(framework.held(), HOUR);
  framework.say({ state: "removed" });
  here.pass(10_000);
  here.at("north").crash();
  here.broker.crash();
  here.pass(200_000);
  expect(nodeOf(here, "n1")).toMatchObject({ reserved: { lab: WHOLE } });
  const { turns } = here.at("north");
  here.agents.length = 0;
  here.pass(20_000);
  expect(here.at("north").turns - turns).toBeLessThan(20);
  expect(chargedTo(here, "lab")).toEqual(WHOLE);
});

test("what is set aside no more is told so, also by a Cluster that crashed before it could", () => {
  const { here, framework } = withReserved(1);
  framework.decline(framework.held(), HOUR);
  here.pass(10_000);
  expect(chargedTo(here, "lab")).toMatchObject(WHOLE);
  const north = here.at("north");
  north.call("unreserveNode", { name: "n1" });
  north.takeEffects();
  north.crash();
  here.submit("abcdefghij", { command: "true", role: "web", resources: { cpus: 1, mem: "1MB" } });
  here.pass(POKE_MS + 10_000);
  expect(nodeOf(here, "n1")).toMatchObject({ reserved: {} });
  expect(here.job("abcdefghij").counts.live).toBe(1);
});

test("it is not taken back for jobs, which could not have it", () => {
  const { here, framework } = withReserved(3);
  here.pass(3_000);
  framework.decline(
    framework.held().filter(({ agent }) => agent.hostname !== "n1"),
    HOUR,
  );
  here.submit("long1", { command: "true", role: "shop", count: 2, resources: { cpus: 0.6 } });
  here.submit("wide1", { command: "true", role: "shop", resources: { cpus: 0.7 } });
  here.pass(10_000);
  expect(framework.held().map(({ pieces }) => pieces)).toEqual([[aside("lab")]]);
  expect(framework.rescinded).toEqual([]);
});

test("it ends with its node, and the next one of that name has nothing set aside", () => {
  const { here } = withReserved(1);
  here.agents.length = 0;
  here.at("north").call("removeNode", { name: "n1" });
  here.pass(5_000);
  expect(chargedTo(here, "lab")).toEqual({});
  here.join("north", "n1");
  here.pass(2_000);
  expect(nodeOf(here, "n1").reserved).toEqual({});
});

test("of a node that is smaller than what was set aside it is dropped", () => {
  const { here, framework } = withReserved(1);
  here.pass(2_000);
  const [agent] = here.agents;
  agent?.restart({ capacity: { cpus: 500, mem: 1_000_000 } });
  here.pass(5_000);
  expect(nodeOf(here, "n1")).toMatchObject({ capacity: { cpus: 500 } });
  expect(nodeOf(here, "n1").reserved).toEqual({});
  expect(amounts(framework.held()[0])).toEqual({ cpus: 500, mem: 1_000_000 });
});

test("a role of the same name under other credentials is another role", () => {
  const { here, framework } = withReserved(1);
  framework.decline(framework.held(), HOUR);
  const other = new PlayedFramework(here, "f2", [], { roles: [{ ...wish("lab"), role: "dev/lab" }] });
  here.pass(5_000);
  expect(other.held()).toEqual([]);
  const own = new PlayedFramework(here, "f3", [], { roles: [{ ...wish("lab"), role: "lab/night" }] });
  here.pass(5_000);
  expect(own.held()).toHaveLength(1);
});

test("one task that runs on it uses it, and leaves it set aside", () => {
  const { here, framework } = withReserved(1);
  here.pass(3_000);
  const [offer] = framework.held() as [Offer];
  const task = launchTask(offer, "t1", {}, { pieces: [aside("lab", { cpus: 400, mem: 64_000 })] });
  expect(framework.accept([offer], [launch(task)], 0).rejected).toEqual([]);
  here.pass(5_000);
  expect(here.agents[0]?.running).toHaveLength(1);
  expect(framework.held().map(({ pieces }) => pieces)).toEqual([[aside("lab", { cpus: 600, mem: 936_000 })]]);
});

test("a port that is set aside leaves the others to who asks for one", () => {
  const here = new PlayedLeague(["north"]);
  here.join("north", "n1", { ports: [[31_000, 31_002]], capacity: { ...WHOLE, ports: 3_000 } });
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  const [offer] = framework.held() as [Offer];
  const port: Piece = { ...aside("lab", { ports: 1_000 }), ports: [[31_001, 31_001]] };
  expect(framework.accept([offer], [reserve(port)], HOUR)).toEqual({ rejected: [], operations: [] });
  here.submit("job1", { command: "true", role: "shop", resources: { cpus: 0.1, ports: 2 } });
  here.pass(3_000);
  expect(here.agents[0]?.running).toHaveLength(1);
});

const GPUS = { ...WHOLE, gpus: 8_000 };

/** A node with eight gpus, and a framework that is offered them. */
function withGpus() {
  const here = new PlayedLeague(["north"]);
  const agent = here.join("north", "n1", { capacity: GPUS });
  const framework = new PlayedFramework(here, "f1", ["lab"], { capabilities: ["MULTI_ROLE", "GPU_RESOURCES"] });
  here.pass(2_000);
  expect(amounts(framework.held()[0])).toEqual(GPUS);
  const started = () => [...agent.devices.values()].map((devices) => [...devices]);
  return { here, agent, framework, started };
}

test("a gpu that is set aside leaves the others to who asks for them", () => {
  const { here, agent, framework, started } = withGpus();
  framework.accept([framework.held()[0] as Offer], [reserve(aside("lab", { gpus: 1_000 }))], HOUR);
  here.at("north").crash();
  here.submit("job1", { command: "true", role: "shop", resources: { cpus: 0.1, gpus: 7 } });
  here.pass(3_000);
  expect(agent.running).toHaveLength(1);
  framework.wish("lab", { revived: 1 });
  here.pass(3_000);
  const [offer] = framework.held() as [Offer];
  const task = launchTask(
    offer,
    "t1",
    { cpus: 100 },
    { pieces: [piece({ cpus: 100 }), aside("lab", { gpus: 1_000 })] },
  );
  expect(framework.accept([offer], [launch(task)], 0).rejected).toEqual([]);
  here.pass(3_000);
  expect(started().flat().sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

test("what is set aside and launched in one answer has its gpus, and each gpu is one task's", () => {
  const { here, framework, started } = withGpus();
  const [offer] = framework.held() as [Offer];
  const task = (id: string, ...pieces: Piece[]) =>
    launchTask(offer, id, {}, { pieces: [piece({ cpus: 100, mem: 64_000 }), ...pieces] });
  const operations = [
    launch(task("plain", piece({ gpus: 2_000 }))),
    reserve(aside("lab", { gpus: 3_000 })),
    launch(task("one", aside("lab", { gpus: 1_000 })), task("two", aside("lab", { gpus: 1_000 }))),
  ];
  expect(framework.accept([offer], operations, 0)).toEqual({ rejected: [], operations: [] });
  here.at("north").crash();
  here.pass(3_000);
  expect(
    started()
      .map((devices) => devices.length)
      .sort(),
  ).toEqual([1, 1, 2]);
  expect(new Set(started().flat()).size).toBe(4);
  expect(amounts(framework.held()[0]).gpus).toBe(4_000);
});

test("a gpu that is set aside ends with the device that it is, whatever others are left", () => {
  const { here, agent, framework } = withGpus();
  const [six, one] = [aside("lab", { gpus: 6_000 }), aside("lab/night", { gpus: 1_000 })];
  const unreserve = { id: null, type: "UNRESERVE" as const, pieces: [six], error: null };
  framework.accept([framework.held()[0] as Offer], [reserve(six), reserve(one), unreserve], HOUR);
  expect(nodeOf(here, "n1")).toMatchObject({ reserved: { "lab/night": { gpus: 1_000 } } });
  agent.restart({ capacity: { ...WHOLE, gpus: 4_000 } });
  here.pass(3_000);
  expect(nodeOf(here, "n1").reserved).toEqual({});
});

test("a node's owner frees it: offers of it are rescinded, tasks on it go on", () => {
  const { here, framework } = withReserved(1);
  here.pass(3_000);
  const [offer] = framework.held() as [Offer];
  const task = launchTask(offer, "t1", {}, { pieces: [aside("lab", { cpus: 400, mem: 64_000 })] });
  framework.accept([offer], [launch(task)], 0);
  here.pass(5_000);
  const [held] = framework.held() as [Offer];
  here.at("north").call("unreserveNode", { name: "n1" });
  here.deliver();
  expect(framework.rescinded).toEqual([held.id]);
  expect(nodeOf(here, "n1").reserved).toEqual({});
  here.pass(3_000);
  expect(chargedTo(here, "lab")).toEqual(WHOLE);
  expect(framework.held().map(({ pieces }) => pieces)).toEqual([[piece({ cpus: 600, mem: 936_000 })]]);
  expect(here.agents[0]?.running).toHaveLength(1);
  here.at("north").crash();
  here.pass(1_000);
  expect(chargedTo(here, "lab")).toEqual(WHOLE);
  framework.kill("north", "t1");
  here.pass(5_000);
  expect(amountsOf(framework.held().flatMap(({ pieces }) => pieces))).toEqual(WHOLE);
});

test("what a task runs on is charged also when its node has no room any more for what was set aside", () => {
  const { here, framework } = withReserved(1);
  here.pass(3_000);
  const [offer] = framework.held() as [Offer];
  const task = launchTask(offer, "t1", {}, { pieces: [aside("lab", { cpus: 400, mem: 64_000 })] });
  framework.accept([offer], [launch(task)], 0);
  here.pass(5_000);
  const [held] = framework.held() as [Offer];
  here.agents[0]?.restart({ capacity: { cpus: 500, mem: 1_000_000 } });
  here.pass(5_000);
  expect(framework.rescinded).toEqual([held.id]);
  expect(chargedTo(here, "lab")).toEqual({ cpus: 500, mem: 1_000_000 });
  expect(framework.held().map(({ pieces }) => pieces)).toEqual([[piece({ cpus: 100, mem: 936_000 })]]);
});

test("a gpu that its node has no more is offered no more", () => {
  const { here, agent, framework } = withGpus();
  const [offer] = framework.held() as [Offer];
  agent.restart({ capacity: { ...WHOLE, gpus: 4_000 } });
  here.pass(3_000);
  expect(framework.rescinded).toEqual([offer.id]);
  expect(amounts(framework.held()[0]).gpus).toBe(4_000);
});
