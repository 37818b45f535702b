/** What frameworks run in a Cluster that loses its rows: a real Broker, real Clusters, agents that are played. */
import { expect, test } from "vitest";
import { silenceLimitMs } from "../src/model/job.ts";
import { DEFAULT_POLICY } from "../src/model/role.ts";
import type { FrameworkRowView, RoleView } from "../src/model/views.ts";
import type { PlayedAgent } from "./support/playedAgent.ts";
import { launch, launchTask, PlayedFramework } from "./support/playedFramework.ts";
import { PlayedLeague } from "./support/playedLeague.ts";

const RECOVERY_MS = 120_000;
/** The Broker asks how a Cluster stands that has nothing to say. */
const POKE_MS = 180_000;
const LOST_AFTER_MS = silenceLimitMs(600_000);

/** Of 600 cpus that its role may have a task of a framework has 500 in the north. */
function begun(): { here: PlayedLeague; agent: PlayedAgent; framework: PlayedFramework } {
  const here = new PlayedLeague(["north", "south"]);
  here.broker.call("putRole", { name: "lab", policy: { ...DEFAULT_POLICY, limit: { cpus: 600 } } });
  const agent = here.join("north", "n1");
  const framework = new PlayedFramework(here, "f1", ["lab"]);
  here.pass(2_000);
  const [offer] = framework.held();
  if (!offer) throw new Error("nothing is offered");
  framework.accept([offer], [launch(launchTask(offer, "t1", { cpus: 500, mem: 64_000 }))], 3_600_000);
  here.pass(5_000);
  expect(agent.running).toHaveLength(1);
  framework.wish("lab", { suppressed: true });
  here.join("south", "s1");
  here.submit("abcdefghij", { command: "true", role: "lab", resources: { cpus: 0.5, mem: "64MB" } });
  here.pass(5_000);
  expect(here.job("abcdefghij").counts.live).toBe(0);
  return { here, agent, framework };
}

const charged = (here: PlayedLeague) => (here.broker.call("role", { name: "lab" }) as RoleView).charged.cpus;

/** @returns how long the job waited */
function waitForJob(here: PlayedLeague): number {
  const beganMs = here.nowMs;
  while (here.job("abcdefghij").counts.live === 0) {
    here.pass(5_000);
    if (here.nowMs - beganMs > 2_000_000) throw new Error("it never began");
  }
  return here.nowMs - beganMs;
}

const away = (here: PlayedLeague, agent: PlayedAgent) => here.agents.splice(here.agents.indexOf(agent), 1);

test("counts in its role's limit until nothing of it can run, although its node is never heard again", () => {
  const { here, agent } = begun();
  here.loseRows("north");
  away(here, agent);
  here.pass(POKE_MS);
  expect(charged(here)).toBeGreaterThanOrEqual(500);
  const frameworks = here.broker.call("frameworks", {}) as FrameworkRowView[];
  expect(frameworks[0]?.clusters.north?.used.cpus).toBeGreaterThanOrEqual(500);
  const waitedMs = POKE_MS + waitForJob(here);
  expect(waitedMs).toBeGreaterThan(LOST_AFTER_MS);
  expect(waitedMs).toBeLessThan(POKE_MS + RECOVERY_MS + LOST_AFTER_MS + 30_000);
  expect(charged(here)).toBe(500);
});

test("takes nothing from other roles, which have what is free", () => {
  const { here, agent } = begun();
  here.loseRows("north");
  away(here, agent);
  here.pass(5_000);
  here.submit("bcdefghijk", { command: "true", role: "web", resources: { cpus: 1, mem: "64MB" } });
  here.pass(5_000);
  expect(here.job("bcdefghijk").counts.live).toBe(1);
});

test("counts anew when a node comes back with it late", () => {
  const { here, agent } = begun();
  here.loseRows("north");
  away(here, agent);
  here.pass(500_000);
  agent.poll();
  expect(waitForJob(here)).toBeGreaterThan(LOST_AFTER_MS);
});

test("counts although the cluster loses its rows again, and sleeps whenever it may", () => {
  const { here, agent } = begun();
  here.loseRows("north");
  away(here, agent);
  here.pass(400_000);
  here.loseRows("north");
  here.pass(5_000);
  here.at("north").crash();
  here.broker.crash();
  here.pass(300_000);
  expect(charged(here)).toBeGreaterThanOrEqual(500);
  here.at("north").crash();
  expect(waitForJob(here)).toBeGreaterThan(LOST_AFTER_MS - 310_000);
});

test("of a framework that is removed is not forgotten with it", () => {
  const { here, agent, framework } = begun();
  here.loseRows("north");
  away(here, agent);
  here.pass(5_000);
  framework.say({ state: "removed" });
  here.pass(POKE_MS);
  expect(charged(here)).toBeGreaterThanOrEqual(500);
  waitForJob(here);
  here.pass(10_000);
  expect(here.broker.call("frameworks", {})).toEqual([]);
});
