/** An existing Mesos framework on a league: the npm package `mesos-framework`, unmodified, on real brokers and agents. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listFrameworks } from "../../cli/api/shares.ts";
import { League } from "./league.ts";
import { MesosClient } from "./mesosClient.ts";
import { until } from "./processes.ts";

let league: League;
const clients: MesosClient[] = [];

beforeAll(async () => {
  league = await League.start(["north", "south"], { broker: ["--mesos", "test"] });
  for (const cluster of ["north", "south"]) league.addAgent(cluster, `${cluster}-1`, { cpus: 2 });
  await league.allUp();
});
afterAll(async () => {
  for (const client of clients) await client.kill();
  await league.end();
});

function client(name: string, ...rest: [tasks: ConstructorParameters<typeof MesosClient>[2], frameworkId?: string]) {
  const folder = join(league.root, name);
  mkdirSync(folder);
  const started = new MesosClient(folder, league.broker.port, ...rest);
  clients.push(started);
  return started;
}

const SLEEPER = { command: "sleep 600", instances: 3, cpus: 0.2 };

test("it launches on both clusters, kills, finds its tasks again after all has died, and tears down", async () => {
  const first = client("first", { sleeper: SLEEPER });
  const { id } = await first.heard("that it is subscribed", ({ event }) => event === "subscribed");
  await until("three tasks run", () => first.running.size === 3);
  const clusters = [...first.running.values()].map((agent) => agent.split(".")[0]);
  expect(new Set(clusters)).toEqual(new Set(["north", "south"]));
  expect(first.updates.filter(({ state }) => state === "TASK_STARTING")).toHaveLength(3);

  // A job of the league runs beside them, under the same shares.
  const job = await league.run({ command: "true", count: 2 });
  expect(job.counts.succeeded).toBe(2);

  const [[task = "", agent = ""] = []] = first.running;
  first.say("kill", task, agent);
  await first.heard("that it is killed", (update) => update.task === task && update.state === "TASK_KILLED");
  const left = first.running;
  expect(left.size).toBe(2);
  // Each update came once: all were acknowledged.
  const uuids = first.updates.flatMap(({ uuid }) => uuid ?? []);
  expect(new Set(uuids).size).toBe(uuids.length);
  expect(first.errors).toEqual([]);

  await first.kill();
  await league.broker.kill();
  await league.broker.start();
  const second = client("second", {}, id);
  const again = await second.heard("that it is subscribed", ({ event }) => event === "subscribed");
  expect(again.id).toBe(id);
  for (const [known, on] of left) second.say("reconcile", known, on);
  await until("it finds both again", () => second.running.size === 2);
  expect([...first.log, ...second.log]).toEqual([]);
  expect([...second.running]).toEqual(expect.arrayContaining([...left]));

  second.say("teardown");
  await until("nothing of it is left", async () => (await listFrameworks(league.client)).length === 0);
  // It may subscribe once more when its stream ends, and is told why it cannot.
  expect(second.errors.filter((message) => !/closed|Framework has been removed/.test(message))).toEqual([]);
}, 120_000);

test("a client that hears nothing for ten seconds would end itself: signs of life keep it", async () => {
  const idle = client("idle", {});
  await idle.heard("that it is subscribed", ({ event }) => event === "subscribed");
  const beats = () => idle.events.filter(({ event }) => event === "heartbeat").length;
  const before = beats();
  await until("twelve seconds have gone by in signs of life", () => beats() >= before + 3, 30_000);
  expect(idle.isAlive).toBe(true);
  expect(idle.log).toEqual([]);
  idle.say("teardown");
}, 60_000);

test("a broker that is stopped and started again keeps a framework that has no failover timeout", async () => {
  const url = `http://127.0.0.1:${league.broker.port}/api/v1/scheduler`;
  const subscribe = async (id: string | null) => {
    const named = id === null ? {} : { id: { value: id } };
    const framework = { user: "root", name: "brief", ...named };
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        type: "SUBSCRIBE",
        ...(id !== null && { framework_id: { value: id } }),
        subscribe: { framework_info: framework },
      }),
    });
    const reader = response.body?.getReader();
    const chunk = new TextDecoder().decode((await reader?.read())?.value);
    // Records: a length, a line feed, JSON.
    const begin = chunk.indexOf("\n") + 1;
    return { event: JSON.parse(chunk.slice(begin, begin + Number.parseInt(chunk, 10))), reader };
  };
  const first = await subscribe(null);
  expect(first.event).toMatchObject({ type: "SUBSCRIBED" });
  const id = first.event.subscribed.framework_id.value;
  expect(await league.broker.stop()).toBe(0);
  await league.broker.start();
  const again = await subscribe(id);
  expect(again.event).toMatchObject({ type: "SUBSCRIBED", subscribed: { framework_id: { value: id } } });
  await again.reader?.cancel();
  await until("it is gone with its client", async () => (await listFrameworks(league.client)).length === 0);
}, 90_000);
