/**
 * At most one, with real time: what becomes of tasks whose node is silent. Every scenario has a cluster of its own in
 * one league, so that they all wait for the silence rule together.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pauseNode } from "../../cli/api/endpoints.ts";
import type { JobSpecInput } from "../../src/model/job.ts";
import { FaultProxy } from "../proxy/faultProxy.ts";
import { PASS } from "../proxy/faults.ts";
import type { AgentProcess } from "./agent.ts";
import { League } from "./league.ts";
import { Marks } from "./marks.ts";
import { lives, until } from "./processes.ts";

const STOP_AFTER_S = 30;
/** stopAfter + 15 s + 1 %, and the marking and ticking in front of and around it. */
const REPLACED_WITHIN_MS = (STOP_AFTER_S + 60) * 1000;
/** An agent that long got no answer waits up to a minute before it asks again. */
const BACK_WITHIN_MS = 75_000;
const TIMEOUT_MS = 240_000;
const TASKS = [0, 1];

const SHORT_CUT_S = 6;
/** So late in a hold of 25 s, what is left of stopAfter is less than TERM is sent ahead. */
const LATE_IN_HOLD_MS = 18_000;

const CLUSTERS = ["dead", "frozen", "cut-off", "short-cut", "kept", "late"];

let league: League;
const proxies: FaultProxy[] = [];

beforeAll(async () => {
  league = await League.start(CLUSTERS);
}, 30_000);

afterAll(async () => {
  await league?.end();
  for (const proxy of proxies) await proxy.close();
}, 30_000);

/** Two tasks that run on node n1 of the cluster, with n2 standing by. */
async function runningOnFirst(
  cluster: string,
  disconnect: JobSpecInput["disconnect"] = { stopAfter: `${STOP_AFTER_S}s` },
) {
  const proxy = await FaultProxy.start(league.broker.port);
  proxies.push(proxy);
  const agent = league.addAgent(cluster, "n1", { url: proxy.url });
  const marks = new Marks(league.marks, cluster);
  const job = await league.submit({ command: marks.beat, count: TASKS.length, clusters: [cluster], disconnect });
  await until(`tasks beat on ${cluster}/n1`, () => TASKS.every((index) => marks.of(index).length > 0));
  league.addAgent(cluster, "n2");
  const { client } = league;
  await until(`${cluster}/n2 is up`, async () => {
    const response = await client.send("GET", `/v1/clusters/${cluster}/nodes/n2`).catch(() => null);
    return response !== null && JSON.stringify(await response.json()).includes('"state":"up"');
  });
  return { agent, proxy, marks, id: job.id };
}

/** The old attempt of each task was dead before the new one began, on the other node. */
async function replaced(marks: Marks): Promise<void> {
  const both = () => TASKS.every((index) => marks.lives(index).length >= 2);
  await until("each task has a replacement", both, REPLACED_WITHIN_MS);
  for (const index of TASKS) {
    const [before = [], after = []] = marks.lives(index);
    expect(before.at(-1)?.uptimeS).toBeLessThan(after[0]?.uptimeS ?? 0);
    expect([before[0]?.node, after[0]?.node]).toEqual(["n1", "n2"]);
    expect(lives(before[0]?.pid ?? 0)).toBe(false);
  }
}

/** The job ends with the replacements, and nothing ever ran a third time or again. */
async function endsWithReplacements(marks: Marks, id: string): Promise<void> {
  const old = TASKS.map((index) => marks.lives(index)[0]?.length);
  marks.letEnd();
  expect(await league.ended(id)).toMatchObject({ state: "succeeded", counts: { succeeded: TASKS.length } });
  for (const task of await league.tasks(id)) {
    const runs = marks.lives(task.index);
    expect(runs).toHaveLength(2);
    expect(runs[0]).toHaveLength(old[task.index] ?? 0);
    expect(runs[0]?.at(-1)?.uptimeS).toBeLessThan(runs[1]?.[0]?.uptimeS ?? 0);
    expect(task.attempts.map(({ node }) => node)).toEqual(["n1", "n2"]);
    expect(task.attempts.at(-1)).toMatchObject({ state: "succeeded", epoch: runs[1]?.[0]?.epoch });
  }
}

const comesBack = (cluster: string) =>
  until(
    `${cluster}/n1 is back`,
    async () => {
      const response = await league.client.send("GET", `/v1/clusters/${cluster}/nodes/n1`);
      return JSON.stringify(await response.json()).includes('"state":"up"');
    },
    BACK_WITHIN_MS,
  );

/** A node that takes new work, and starts it. */
async function takesWork(cluster: string, agent: AgentProcess): Promise<void> {
  await pauseNode(league.client, cluster, "n2", true);
  expect(await league.run({ command: "true", clusters: [cluster] })).toMatchObject({ state: "succeeded" });
  expect(agent.pids.length).toBeGreaterThan(0);
}

describe.concurrent("tasks of a silent node, stopAfter 30 s", () => {
  test(
    "kill -9 of an agent that never comes back: dead before their replacements start",
    async () => {
      const { agent, marks, id } = await runningOnFirst("dead");
      await agent.kill();
      await replaced(marks);
      await endsWithReplacements(marks, id);
    },
    TIMEOUT_MS,
  );

  test(
    "SIGSTOP of an agent: dead before their replacements start; continued, it doubles nothing",
    async () => {
      const { agent, marks, id } = await runningOnFirst("frozen");
      agent.freeze();
      await replaced(marks);
      agent.thaw();
      await comesBack("frozen");
      await endsWithReplacements(marks, id);
      await takesWork("frozen", agent);
    },
    TIMEOUT_MS,
  );

  test(
    "an agent cut off: dead before their replacements start; connected again, it doubles nothing",
    async () => {
      const { agent, proxy, marks, id } = await runningOnFirst("cut-off");
      proxy.blackHole();
      await replaced(marks);
      proxy.heal();
      await comesBack("cut-off");
      await endsWithReplacements(marks, id);
      await takesWork("cut-off", agent);
    },
    TIMEOUT_MS,
  );

  test(
    "an agent cut off for less than stopAfter allows: its tasks never notice",
    async () => {
      const { proxy, marks, id } = await runningOnFirst("short-cut");
      proxy.blackHole();
      const from = marks.of(0).at(-1)?.uptimeS ?? 0;
      await until("some seconds of silence", () => (marks.of(0).at(-1)?.uptimeS ?? 0) > from + SHORT_CUT_S);
      proxy.heal();
      await until("well past stopAfter", () => (marks.of(0).at(-1)?.uptimeS ?? 0) > from + STOP_AFTER_S + 5, 60_000);
      marks.letEnd();
      expect(await league.ended(id)).toMatchObject({ state: "succeeded" });
      for (const task of await league.tasks(id)) {
        expect(marks.lives(task.index)).toHaveLength(1);
        expect(task.attempts).toMatchObject([{ node: "n1", state: "succeeded" }]);
      }
    },
    TIMEOUT_MS,
  );

  test(
    "with disconnect: keep a task runs on however long its node is cut off, and is not replaced",
    async () => {
      const { proxy, marks, id } = await runningOnFirst("kept", "keep");
      proxy.blackHole();
      const from = marks.of(0).at(-1)?.uptimeS ?? 0;
      await until("70 s of silence", () => (marks.of(0).at(-1)?.uptimeS ?? 0) > from + 70, 90_000);
      marks.letEnd();
      proxy.heal();
      expect(await league.ended(id)).toMatchObject({ state: "succeeded" });
      for (const task of await league.tasks(id)) {
        expect(marks.lives(task.index)).toHaveLength(1);
        expect(task.attempts).toMatchObject([{ node: "n1", state: "succeeded" }]);
      }
    },
    TIMEOUT_MS,
  );

  test(
    "a task that comes late in a long hold has its whole time nevertheless",
    async () => {
      const proxy = await FaultProxy.start(league.broker.port);
      proxies.push(proxy);
      const heldSince = new Promise<void>((resolve) => {
        proxy.decide(({ path }) => {
          if (path.endsWith("/poll?wait=25")) resolve();
          return PASS;
        });
      });
      league.addAgent("late", "n1", { url: proxy.url, words: ["--no-wake"] });
      await heldSince;
      await sleep(LATE_IN_HOLD_MS);
      const disconnect = { stopAfter: `${STOP_AFTER_S}s` };
      const { id } = await league.run({ command: "sleep 1", clusters: ["late"], disconnect });
      expect((await league.task(id)).attempts).toMatchObject([{ node: "n1", state: "succeeded" }]);
    },
    TIMEOUT_MS,
  );
});
