/** What people rely on when they run commands: quoting, output, cancelling, retrying, and what a node accepts. */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cancelJob, explainJob, getJob, listJobs, pauseNode } from "../../cli/api/endpoints.ts";
import { League } from "./league.ts";
import { Marks } from "./marks.ts";
import { cleanEnvironment, lives, until } from "./processes.ts";

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;

let league: League;

beforeAll(async () => {
  league = await League.start(["north", "south"]);
  league.addAgent("north", "n1");
  league.addAgent("north", "n2");
  league.addAgent("south", "n1", { words: ["--roles", "lab,web"] });
  await league.allUp();
}, 30_000);

afterAll(() => league?.end(), 30_000);

const hansa = (...words: string[]) =>
  run(process.execPath, ["dist/hansa.mjs", ...words], {
    env: { ...cleanEnvironment(), HANSA_URL: league.broker.url, HANSA_TOKEN: league.client.access.token ?? "" },
  });

describe("items", () => {
  const NASTY = [
    "plain",
    "two words",
    "  spaces around  ",
    "it's",
    'say "hi"',
    `$(touch /tmp/never) \`id\` $HOME \${PATH}`,
    "a;b & c | d > e < f",
    "*? [a-z] ~ {x,y} {} #no",
    "back\\slash \\n \\",
    "-n --help",
    "tab\there",
    "ünï çødé 日本 🚢",
    "!history ^up",
    "'\\''",
  ];

  test("whatever an item holds, {} and HANSA_ITEM give it to the command unharmed", async () => {
    const file = join(league.root, "items");
    writeFileSync(file, `${NASTY.join("\n")}\n`);
    const command = `printf '<%s>' {}; printf '[%s]' "$HANSA_ITEM"`;
    await hansa("run", "--name", "nasty", "--each", file, "--", command);
    const [id = ""] = (await listJobs(league.client, { limit: 1000 })).items
      .filter(({ name }) => name === "nasty")
      .map((job) => job.id);
    expect(await league.ended(id)).toMatchObject({ state: "succeeded", count: NASTY.length });
    for (const [index, item] of NASTY.entries()) expect(await league.output(id, index)).toBe(`<${item}>[${item}]`);
  }, 20_000);

  test("in a command that is a list {} is the item as it is", async () => {
    const { id } = await league.run({ command: ["printf", "<%s>", "{}", "x{}y"], each: NASTY });
    for (const [index, item] of NASTY.entries()) expect(await league.output(id, index)).toBe(`<${item}><x${item}y>`);
  }, 20_000);
});

describe("output", () => {
  test("of several MiB arrives whole, both streams apart", async () => {
    const { id } = await league.run({
      command: "head -c 3000000 /dev/zero | tr '\\0' x; seq 100000 >&2; head -c 1500000 /dev/zero",
    });
    const stdout = await league.output(id);
    expect(stdout.length).toBe(4_500_000);
    expect(stdout === "x".repeat(3_000_000) + "\0".repeat(1_500_000)).toBe(true);
    const stderr = await league.output(id, 0, "stderr");
    expect(stderr === Array.from({ length: 100_000 }, (_, i) => `${i + 1}\n`).join("")).toBe(true);
  }, 30_000);

  test("is followed while the task runs", async () => {
    const marks = new Marks(league.marks, "followed");
    const { id } = await league.submit({ command: `echo first; ${marks.beat}; echo last` });
    await until("it runs", () => marks.of(0).length > 0);
    const response = await league.client.send("GET", `/v1/tasks/${id}.0/logs`, { query: { follow: 1 }, stream: true });
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      if (text === "first\n") marks.letEnd();
    }
    expect(text).toBe("first\nlast\n");
  }, 20_000);
});

describe("the environment of a task", () => {
  test("names its job, index, epoch, node and cluster", async () => {
    const { id } = await league.run({
      command: "echo $HANSA_INDEX $HANSA_EPOCH $HANSA_CLUSTER $HANSA_NODE $EXTRA",
      env: { EXTRA: "own" },
      clusters: ["north"],
    });
    const [attempt] = (await league.task(id)).attempts;
    expect(await league.output(id)).toBe(`0 ${attempt?.epoch} north ${attempt?.node} own\n`);
  });

  test("is that of another user when the agent is root's, else of its own, in a folder of the task's own", async () => {
    const { id } = await league.run({ command: "id -un; touch here && stat -c %U here; cat /etc/shadow" });
    const user = isRoot ? "nobody" : userInfo().username;
    expect(await league.output(id)).toBe(`${user}\n${user}\n`);
    expect(await league.output(id, 0, "stderr")).toContain("Permission denied");
  });

  test("holds no secret of the agent", async () => {
    const { id } = await league.run({ command: "env; tr '\\0' '\\n' </proc/self/environ" });
    expect(await league.output(id)).not.toMatch(/hns_|hnc_/);
  });
});

describe("cancelling", () => {
  test("ends what runs, also what does not listen to TERM, and what waits never starts", async () => {
    const marks = new Marks(league.marks, "cancelled");
    const { id } = await league.submit({ command: marks.beat, count: 40, stopGrace: "1s", clusters: ["north"] });
    const seen = () => Array.from({ length: 40 }, (_, index) => marks.of(index)).filter((of) => of.length > 0);
    await until("some run", () => seen().length >= 10);
    await cancelJob(league.client, id);
    expect(await league.ended(id)).toMatchObject({ state: "cancelled", counts: { live: 0, cancelled: 40 } });
    const pids = seen().flatMap(([first]) => (first ? [first.pid] : []));
    expect(pids.filter(lives)).toEqual([]);
    expect(pids.length).toBeLessThan(40);
    for (const task of await league.tasks(id)) expect(task.state).toBe("cancelled");
  }, 20_000);

  test("a job that is over changes nothing", async () => {
    const { id } = await league.run({ command: "true" });
    expect(await cancelJob(league.client, id)).toMatchObject({ state: "succeeded" });
  });
});

describe("retrying", () => {
  test("a failed task goes to another node, and its attempts are all told", async () => {
    const { id } = await league.run({
      command: `echo $HANSA_NODE; exit 9`,
      clusters: ["north"],
      retry: { max: 3, backoff: "100ms" },
    });
    expect(await getJob(league.client, id)).toMatchObject({ state: "failed", counts: { failed: 1 } });
    const { attempts } = await league.task(id);
    expect(attempts.map(({ state, code }) => `${state} ${code}`)).toEqual(Array(4).fill("failed 9"));
    const nodes = attempts.map(({ node }) => node);
    for (const [i, node] of nodes.slice(1).entries()) expect(node).not.toBe(nodes[i]);
    const epochs = attempts.map(({ epoch }) => epoch);
    expect(epochs).toEqual([...new Set(epochs)].sort((a, b) => a - b));
  }, 20_000);

  test("with nowhere else to go it is tried again in the same place", async () => {
    const marks = new Marks(league.marks, "same-place");
    await pauseNode(league.client, "north", "n2", true);
    const command = `${marks.leave}; [ $(wc -l <${join(league.marks, "same-place.0")}) -ge 2 ]`;
    expect(await league.run({ command, clusters: ["north"], retry: { max: 1, backoff: "10ms" } })).toMatchObject({
      state: "succeeded",
    });
    await pauseNode(league.client, "north", "n2", false);
    expect(marks.of(0).map(({ node }) => node)).toEqual(["n1", "n1"]);
  }, 20_000);

  test("a task that runs longer than its timeout is ended and has failed of it", async () => {
    const { id } = await league.run({ command: "sleep 60", timeout: "1s", stopGrace: "1s" });
    expect((await league.task(id)).attempts).toMatchObject([{ state: "failed", reason: "timeout" }]);
  }, 20_000);
});

describe("what a node accepts", () => {
  test("a role that its config does not name never starts there, and explain says so", async () => {
    const marks = new Marks(league.marks, "refused");
    const { id } = await league.submit({ command: marks.leave, role: "other", clusters: ["south"] });
    await until("the reason is known", async () => (await explainJob(league.client, id)).reason === "not-accepted");
    const { sentence, funnel } = await explainJob(league.client, id);
    expect(sentence).toContain("other");
    expect(funnel.at(-1)?.nodes).toBe(0);
    expect(await getJob(league.client, id)).toMatchObject({ state: "waiting", counts: { waiting: 1, live: 0 } });
    expect(marks.of(0)).toEqual([]);
    await cancelJob(league.client, id);
    expect(await league.ended(id)).toMatchObject({ state: "cancelled" });
    expect(marks.of(0)).toEqual([]);
  }, 20_000);

  test("a role that it names runs", async () => {
    expect(await league.run({ command: "true", role: "web", clusters: ["south"] })).toMatchObject({
      state: "succeeded",
    });
  });

  test("what can never fit anywhere says which resource is short", async () => {
    const { id } = await league.submit({ command: "true", resources: { mem: "64GiB" } });
    await until("the reason is known", async () => (await explainJob(league.client, id)).reason === "never-fits");
    expect((await explainJob(league.client, id)).sentence).toContain("mem");
    await cancelJob(league.client, id);
  }, 20_000);
});
