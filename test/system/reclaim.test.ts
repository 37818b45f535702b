/** What is lent comes back: as many attempts as are needed, those that lose least, and they run again later. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { cancelJob, explainJob, getJob, listNodes } from "../../cli/api/endpoints.ts";
import { putPartition } from "../../cli/api/shares.ts";
import { storedEvents } from "../../cli/api/streams.ts";
import type { JobSpecInput } from "../../src/model/job.ts";
import type { AttemptView, JobView } from "../../src/model/views.ts";
import { League } from "./league.ts";
import { Marks } from "./marks.ts";
import { cleanEnvironment, until } from "./processes.ts";

/** Four of these fill a node. */
const HALF = { cpus: 0.5, mem: "64MiB" };
const LIMIT_MS = 30_000;

let league: League;

beforeAll(async () => {
  league = await League.start(["north"]);
  for (const name of ["n1", "n2"]) league.addAgent("north", name, { cpus: 2, mem: "2GiB" });
  await league.allUp();
  await putPartition(league.client, "north", "default", { owner: "lab" });
}, 30_000);
afterAll(() => league?.end(), 30_000);
beforeEach(() => set("--grace", "1s", "--min-run", "0s"), 30_000);

const set = (...words: string[]): Promise<void> => hansa("league", "set", ...words);

async function hansa(...words: string[]): Promise<void> {
  const env = { ...cleanEnvironment(), HANSA_URL: league.broker.url, HANSA_TOKEN: league.client.access.token ?? "" };
  await promisify(execFile)(process.execPath, ["dist/hansa.mjs", ...words], { env });
}

interface Running {
  id: string;
  marks: Marks;
}

async function start(name: string, spec: Omit<JobSpecInput, "command">): Promise<Running> {
  const marks = new Marks(league.marks, `${name}-${crypto.randomUUID().slice(0, 8)}`);
  const { id } = await league.submit({ command: marks.beat, resources: HALF, stopGrace: "1s", ...spec });
  return { id, marks };
}

async function live({ id }: Running, wanted: number): Promise<JobView> {
  const isLive = async () => (await getJob(league.client, id)).counts.live === wanted;
  await until(`${wanted} tasks of ${id} are live`, isLive, 12_000);
  return getJob(league.client, id);
}

/** Attempts of the job that were taken back. */
async function takenBack({ id }: Running): Promise<AttemptView[]> {
  return (await league.tasks(id)).flatMap(({ attempts }) => attempts.filter(({ reason }) => reason === "reclaimed"));
}

async function allEnd(...jobs: Running[]): Promise<void> {
  for (const { marks } of jobs) marks.letEnd();
  for (const { id } of jobs) expect(await league.ended(id)).toMatchObject({ state: "succeeded" });
}

test(
  "an owner gets its own after the grace: no more is stopped than it needs, what began last first, and it runs again",
  async () => {
    await hansa("roles", "set", "web", "--limit", "cpus=2");
    const guest = await start("guest", { count: 8, role: "web" });
    await live(guest, 4);
    const early = (await league.tasks(guest.id)).filter(({ state }) => state === "running").map(({ index }) => index);
    await hansa("roles", "set", "web", "--limit", "cpus=4");
    await live(guest, 8);
    await set("--grace", "3s");
    const owner = await start("owner", { count: 3, role: "lab" });
    const told = await explainJob(league.client, owner.id);
    expect(told).toMatchObject({ reason: "reclaim" });
    expect(told.sentence).toMatch(
      /^What is role lab's own is lent to web: 3 tasks more are due, and .* stopped .* in [123]s/,
    );
    expect(told.estimateMs).toBeLessThanOrEqual(3_000);

    await live(owner, 3);
    await live(guest, 5);
    const running = (await league.tasks(guest.id)).filter(({ state }) => state === "running").map(({ index }) => index);
    expect(running).toEqual(expect.arrayContaining(early));
    const job = await getJob(league.client, guest.id);
    expect(job).toMatchObject({ state: "running", counts: { waiting: 3, failed: 0 } });
    expect(job.waits?.detail).toMatch(/Taken back: .* stopped for .*: role lab, whose own it is\.$/);
    const events: string[] = [];
    for await (const event of storedEvents(league.client, {}))
      if (event.type === "task.reclaimed") events.push(event.job ?? "");
    expect(new Set(events)).toEqual(new Set([guest.id]));

    // It has no retry, and needs none.
    await allEnd(owner);
    await live(guest, 8);
    await allEnd(guest);
    expect(await takenBack(guest)).toHaveLength(3);
    await hansa("roles", "rm", "web");
  },
  LIMIT_MS,
);

test(
  "who has run for less than minRun is left alone",
  async () => {
    await set("--min-run", "1h");
    const guest = await start("guest", { count: 8, role: "web" });
    await live(guest, 8);
    const owner = await start("owner", { count: 1, role: "lab" });
    const isPast = async () => /stopped for them now/.test((await explainJob(league.client, owner.id)).sentence);
    await until("the grace is over", isPast);
    expect(await takenBack(guest)).toEqual([]);
    await live(guest, 8);
    await set("--min-run", "0s");
    await live(owner, 1);
    await allEnd(owner);
    await live(guest, 8);
    expect(await takenBack(guest)).toHaveLength(1);
    await allEnd(guest);
  },
  LIMIT_MS,
);

test(
  "within a role the higher priority takes the place of the lower, never the other way round",
  async () => {
    const low = await start("low", { count: 8, role: "lab", priority: 10 });
    await live(low, 8);
    const high = await start("high", { count: 2, role: "lab", priority: 90 });
    await live(high, 2);
    await live(low, 6);
    const lower = await start("lower", { count: 2, role: "lab", priority: 5 });
    expect((await getJob(league.client, lower.id)).counts.live).toBe(0);
    await cancelJob(league.client, lower.id);
    await allEnd(high);
    await live(low, 8);
    expect(await takenBack(low)).toHaveLength(2);
    await allEnd(low);
    expect(await takenBack(high)).toEqual([]);
  },
  LIMIT_MS,
);

test(
  "a large task has room made on one node, and keeps it from others that wait",
  async () => {
    const guest = await start("guest", { count: 12, role: "web" });
    await live(guest, 8);
    const whole = await start("whole", { count: 1, role: "lab", resources: { cpus: 2, mem: "64MiB" } });
    await live(whole, 1);
    await live(guest, 4);
    const nodes = await listNodes(league.client, "north");
    expect(nodes.map(({ attempts }) => attempts).sort()).toEqual([1, 4]);
    await allEnd(whole);
    await live(guest, 8);
    expect(await takenBack(guest)).toHaveLength(4);
    await allEnd(guest);
  },
  LIMIT_MS,
);

test(
  "an owner's gangs have room made for all of each, and start whole",
  async () => {
    const guest = await start("guest", { count: 8, role: "web" });
    await live(guest, 8);
    const gang = await start("gang", { count: 6, gang: { size: 3 }, role: "lab" });
    await live(gang, 6);
    await live(guest, 2);
    // Nobody was tried twice: what else would become of one whose others do not come.
    expect((await league.tasks(gang.id)).map(({ attempts }) => attempts.length)).toEqual(Array(6).fill(1));
    await allEnd(gang);
    await live(guest, 8);
    expect(await takenBack(guest)).toHaveLength(6);
    await allEnd(guest);
  },
  LIMIT_MS,
);

test(
  "for a gang that has no room even without all guests nobody is stopped",
  async () => {
    const resources = { cpus: 1.5, mem: "64MiB" };
    const base = await start("base", { count: 1, role: "lab", constraints: ["node = n1"], resources });
    await live(base, 1);
    const guest = await start("guest", { count: 5, role: "web" });
    await live(guest, 5);
    // As a sum there is enough, and a node of its own would do for each.
    const two = { count: 2, gang: true, role: "lab", resources: { cpus: 1.1, mem: "64MiB" } } as const;
    const gang = await start("gang", two);
    const isTold = async () => (await explainJob(league.client, gang.id)).reason === "fragmented";
    await until("it is known that there is no room for it", isTold, LIMIT_MS);
    expect(await takenBack(guest)).toEqual([]);
    await cancelJob(league.client, gang.id);
    await allEnd(guest, base);
  },
  2 * LIMIT_MS,
);
