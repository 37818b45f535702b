/** Drains as owners use them, on real nodes: what moves before it stops, what is stopped, and where it goes then. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cancelJob, explainJob, getCluster, getNode, getTask, listNodes } from "../../cli/api/endpoints.ts";
import { storedEvents } from "../../cli/api/streams.ts";
import type { JobSpecInput } from "../../src/model/job.ts";
import type { EventView } from "../../src/model/views.ts";
import { environmentOf, hansaOf } from "./hansa.ts";
import { League } from "./league.ts";
import { Marks } from "./marks.ts";
import { lives, until } from "./processes.ts";

let league: League;

beforeAll(async () => {
  league = await League.start(["north", "south"]);
  league.addAgent("north", "n1");
  league.addAgent("north", "n2");
  league.addAgent("south", "s1");
  await league.allUp();
}, 30_000);

afterAll(() => league?.end(), 30_000);

const environment = () => environmentOf(league);
const hansa = (...words: string[]) => hansaOf(league, words);

async function says(...words: string[]): Promise<string> {
  const said = await hansa(...words);
  expect(said.code, said.stderr).toBe(0);
  return said.stdout;
}

async function beating(name: string, spec: Partial<JobSpecInput> = {}) {
  const marks = new Marks(league.marks, name);
  const { id } = await league.submit({ command: marks.beat, stopGrace: "2s", ...spec });
  await until(`${name} beats`, () => marks.of(0).length > 0);
  const { cluster } = await league.task(id);
  return { marks, id, cluster, node: marks.of(0)[0]?.node ?? "" };
}

async function eventsOf(node: string): Promise<string[]> {
  const events: EventView[] = [];
  for await (const event of storedEvents(league.client, {})) events.push(event);
  return events.flatMap((event) => (event.node === node && /drain/.test(event.type) ? event.type : []));
}

describe("a node", () => {
  test("that is drained: its service runs on another before it stops, and at every time one copy runs", async () => {
    const { marks, id, node } = await beating("service", { copies: "at-least-one", clusters: ["north"] });
    expect(await says("drain", `north/${node}`)).toMatch(new RegExp(`^node north/${node} is drained$`, "m"));
    const [before = [], after = []] = marks.lives(0);
    expect(after[0]?.node).not.toBe(node);
    expect(after[0]?.uptimeS).toBeLessThan(before.at(-1)?.uptimeS ?? 0);
    expect(lives(before[0]?.pid ?? 0)).toBe(false);
    expect((await league.task(id)).attempts).toMatchObject([
      { node, state: "cancelled", reason: "drained" },
      { node: after[0]?.node, state: "running" },
    ]);
    expect(await says("nodes", "--cluster", "north")).toMatch(new RegExp(`north/${node} +drained `));
    expect(await says("undrain", `north/${node}`)).toBe(`node north/${node} is up\n`);
    marks.letEnd();
    expect(await league.ended(id)).toMatchObject({ state: "succeeded" });
    await until("the events are there", async () => (await eventsOf(node)).length === 3);
    expect(await eventsOf(node)).toEqual(["node.draining", "node.drained", "node.undrained"]);
  }, 60_000);

  test("that is drained with a deadline: what still runs is stopped then, and started elsewhere after that", async () => {
    const { marks, id, node } = await beating("stopped", { clusters: ["north"], retry: { max: 0 } });
    await says("drain", `north/${node}`, "--deadline", "2s");
    await until("it runs elsewhere", () => marks.lives(0).length === 2);
    const [before = [], after = []] = marks.lives(0);
    expect(after[0]?.node).not.toBe(node);
    expect(before.at(-1)?.uptimeS).toBeLessThan(after[0]?.uptimeS ?? 0);
    await says("undrain", `north/${node}`);
    marks.letEnd();
    expect(await league.ended(id)).toMatchObject({ state: "succeeded" });
  }, 60_000);

  test("is used again by itself when its window is over", async () => {
    const window = ["--deadline", "0s", "--for", "3s"];
    expect(await says("drain", "south/s1", ...window)).toMatch(/^node south\/s1 is drained: used again in \ds$/m);
    const { id } = await league.submit({ command: "true", clusters: ["south"] });
    expect(await league.ended(id)).toMatchObject({ state: "succeeded" });
    expect(await getNode(league.client, "south", "s1")).toMatchObject({ state: "up", drain: null });
  }, 30_000);

  test("goes on being drained when Ctrl-C ends the waiting, and the command has not succeeded", async () => {
    const { marks, id, cluster, node } = await beating("left");
    const name = `${cluster}/${node}`;
    const { code, stderr } = await interrupted("is draining: 1 left, stopped in", "drain", name, "--deadline", "5m");
    expect([code, stderr]).toEqual([1, expect.stringContaining(`undrain ${name}`)]);
    const found = JSON.parse(await says("nodes", "--json")) as { name: string; cluster: string }[];
    expect(found.find((one) => `${one.cluster}/${one.name}` === name)).toMatchObject({
      state: "draining",
      drain: { by: "node", left: 1, endsAt: null },
    });
    expect(await says("nodes")).toMatch(new RegExp(`${name} +draining .*1 left, stopped in [45]m`));
    marks.letEnd();
    expect(await league.ended(id)).toMatchObject({ state: "succeeded" });
    await until("it is empty", async () => (await getNode(league.client, cluster, node)).state === "drained");
    await says("undrain", name);
  }, 30_000);
});

/** Ctrl-C as soon as it has said so on standard error. */
async function interrupted(when: string, ...words: string[]): Promise<{ code: number | null; stderr: string }> {
  const child: ChildProcess = spawn(process.execPath, ["dist/hansa.mjs", ...words], { env: environment() });
  let stderr = "";
  let isSent = false;
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    if (isSent || !stderr.includes(when)) return;
    isSent = true;
    child.kill("SIGINT");
  });
  const [code] = await once(child, "close");
  return { code, stderr };
}

describe("a cluster", () => {
  test("that is drained: what waits and what runs goes to the other, and so does what comes", async () => {
    const { marks, id } = await beating("work", { count: 3, resources: { cpus: 1 } });
    await until("all three run", () => [0, 1, 2].every((index) => marks.of(index).length > 0));
    await says("drain", "north", "--deadline", "0s");
    expect(await getCluster(league.client, "north")).toMatchObject({ nodes: { up: 0, total: 2 } });
    await until("the Broker knows", async () => (await getCluster(league.client, "north")).state === "drained");
    expect(await says("clusters")).toMatch(/north +drained +0\/2/);
    const { id: later } = await league.submit({ command: marks.leave, resources: { cpus: 0.1 } });
    marks.letEnd();
    for (const one of [id, later]) expect(await league.ended(one)).toMatchObject({ state: "succeeded" });
    for (const task of await league.tasks(id)) expect(task.attempts.at(-1)?.node).toBe("s1");
    expect((await league.task(later)).attempts).toMatchObject([{ node: "s1" }]);
    await says("undrain", "north");
  }, 60_000);

  test("that is drained takes in no node that joins, and explain says why a job for it waits", async () => {
    await says("drain", "north");
    league.addAgent("north", "n3");
    const joined = async () => (await listNodes(league.client, "north")).find(({ name }) => name === "n3")?.state;
    await until("n3 has joined", async () => (await joined()) === "drained");
    const { id } = await league.submit({ command: "true", clusters: ["north"] });
    await until("the reason is known", async () => (await explainJob(league.client, id)).reason === "paused");
    expect((await explainJob(league.client, id)).sentence).toContain("cluster north");
    await says("undrain", "north");
    expect(await league.ended(id)).toMatchObject({ state: "succeeded" });
  }, 30_000);

  test("that is drained: its service runs in the other before it stops", async () => {
    await says("drain", "south", "--no-wait");
    const { marks, id } = await beating("across", { copies: "at-least-one" });
    await says("undrain", "south");
    await says("drain", "north");
    const [before = [], after = []] = marks.lives(0);
    expect([before[0]?.node, after[0]?.node]).toEqual([expect.stringMatching(/^n/), "s1"]);
    expect(after[0]?.uptimeS).toBeLessThan(before.at(-1)?.uptimeS ?? 0);
    expect(lives(before[0]?.pid ?? 0)).toBe(false);
    const { attempts } = await getTask(league.client, `${id}.0`);
    expect(attempts).toMatchObject([{ reason: "drained" }, { node: "s1", state: "running" }]);
    await says("undrain", "north");
    await cancelJob(league.client, id);
    expect(await league.ended(id)).toMatchObject({ state: "cancelled" });
  }, 60_000);
});

test.each([
  [["drain", "north/nobody"], 2, "has no node nobody"],
  [["drain", "nowhere"], 2, "there is no cluster nowhere"],
  [["drain", "north/n1/x"], 2, "names neither a node nor a cluster"],
  [["drain", "north/n1", "--deadline", "soon"], 2, '"soon" is not a length of time'],
  [["drain", "north/n1", "--for", "0s"], 2, "for"],
  [["undrain", "north/"], 2, "names neither a node nor a cluster"],
])("%j is refused, and says what is wrong", async (words, code, text) => {
  const said = await hansa(...words);
  expect(said.code).toBe(code);
  expect(said.stderr).toContain(text);
});
