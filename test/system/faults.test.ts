/** What a network does to single requests and replies changes nothing but the time. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { listJobs } from "../../cli/api/endpoints.ts";
import { FaultProxy } from "../proxy/faultProxy.ts";
import { type Decide, type Fault, isPath, only, PASS, type Seen } from "../proxy/faults.ts";
import { Chance } from "../sim/world/random.ts";
import { League } from "./league.ts";
import { Marks } from "./marks.ts";
import { jobIdIn, postJob } from "./raw.ts";

const CLUSTERS = ["north", "south"];
const TASKS = 40;

const isPoll = isPath("POST", /^\/agent\/v1\/poll/);
const isUpload = isPath("PUT", /^\/agent\/v1\/tasks\//);
const isSubmit = isPath("POST", /^\/v1\/jobs$/);

const FAULTS: Fault[] = [
  { kind: "cut", lose: "reply", how: "reset" },
  { kind: "cut", lose: "reply", how: "end" },
  { kind: "cut", lose: "request", how: "reset" },
  { kind: "double", afterMs: 0 },
  { kind: "double", afterMs: 50 },
  { kind: "double", afterMs: 1500 },
  { kind: "delay", requestMs: 120, replyMs: 0 },
  { kind: "delay", requestMs: 0, replyMs: 120 },
  { kind: "replay" },
  { kind: "page", status: 502, lose: "reply" },
  { kind: "page", status: 200, lose: "reply" },
  { kind: "page", status: 200, lose: "request" },
];

let league: League;
const agentProxies: FaultProxy[] = [];

beforeAll(async () => {
  league = await League.start(CLUSTERS);
  for (const cluster of CLUSTERS) {
    const proxy = await FaultProxy.start(league.broker.port);
    agentProxies.push(proxy);
    league.addAgent(cluster, "n1", { url: proxy.url, cpus: 0.4 });
  }
  await league.allUp();
}, 30_000);

afterEach(() => {
  for (const proxy of agentProxies) proxy.decide(() => PASS);
});

afterAll(async () => {
  await league?.end();
  for (const proxy of agentProxies) await proxy.close();
}, 30_000);

/** Every `every`th request that matches meets the next of the faults. */
function inTurn(matches: (request: Seen) => boolean, every: number, faults: readonly Fault[]): Decide {
  let seen = 0;
  let met = 0;
  return (request) => {
    if (!matches(request) || seen++ % every !== every - 1) return PASS;
    return faults[met++ % faults.length] ?? PASS;
  };
}

const metAll = (...kinds: Fault["kind"][]) => {
  for (const kind of kinds) {
    const met = agentProxies.reduce((sum, { counts }) => sum + (counts.get(kind) ?? 0), 0);
    expect(met, kind).toBeGreaterThan(0);
  }
};

test("a third of all polls and uploads is cut, doubled, delayed, replayed or turned into a page: each task once, its output whole", async () => {
  for (const [i, proxy] of agentProxies.entries()) {
    const chance = new Chance(7 + i);
    const harmed = (request: Seen) => (isPoll(request) || isUpload(request)) && chance.of(1 / 3);
    proxy.decide((request) => (harmed(request) ? chance.pick(FAULTS) : PASS));
  }
  const marks = new Marks(league.marks, "harmed");
  const command = `${marks.leave}; seq -f "$HANSA_INDEX line %g" 3000; echo done $HANSA_INDEX >&2`;
  const { id } = await league.submit({ command, count: TASKS });
  expect(await league.ended(id)).toMatchObject({ state: "succeeded", counts: { succeeded: TASKS } });
  metAll("cut", "double", "delay", "replay", "page");
  for (const task of await league.tasks(id)) {
    expect(marks.of(task.index), `marks of task ${task.index}`).toHaveLength(1);
    expect(task.attempts.filter(({ state }) => state === "succeeded")).toHaveLength(1);
    const lines = Array.from({ length: 3000 }, (_, line) => `${task.index} line ${line + 1}\n`);
    expect(await league.output(id, task.index)).toBe(lines.join(""));
    expect(await league.output(id, task.index, "stderr")).toBe(`done ${task.index}\n`);
  }
}, 120_000);

test("every upload of a long output is harmed in turn, and it arrives whole", async () => {
  for (const proxy of agentProxies) proxy.decide(inTurn(isUpload, 2, FAULTS));
  const { id } = await league.submit({ command: "seq -f '%012.0f' 250000; printf end", count: 2 });
  expect(await league.ended(id)).toMatchObject({ state: "succeeded" });
  const expected = `${Array.from({ length: 250_000 }, (_, i) => `${String(i + 1).padStart(12, "0")}\n`).join("")}end`;
  for (const index of [0, 1]) {
    const output = await league.output(id, index);
    expect(output.length).toBe(expected.length);
    expect(output === expected).toBe(true);
  }
}, 60_000);

test("every poll that carries an end is harmed in turn, and each end counts once", async () => {
  for (const proxy of agentProxies) proxy.decide(inTurn(isPoll, 2, FAULTS));
  for (let n = 0; n < 6; n++) {
    const { id } = await league.submit({ command: "exit 4", retry: { max: 0 }, clusters: ["north"] });
    expect(await league.ended(id)).toMatchObject({ state: "failed", counts: { failed: 1 } });
    expect((await league.task(id)).attempts.filter(({ code }) => code === 4)).toHaveLength(1);
  }
}, 60_000);

test.each(FAULTS)("a submission that meets %j and is sent again with its key is one job", async (fault) => {
  const proxy = await FaultProxy.start(league.broker.port);
  const before = (await listJobs(league.client, { limit: 1000 })).items.length;
  const marks = new Marks(league.marks, `submit-${FAULTS.indexOf(fault)}`);
  const key = crypto.randomUUID();
  const post = () => postJob(proxy.url, league.client.access.token, { command: marks.leave }, key);
  if (fault.kind === "replay") await post();
  proxy.decide(only(isSubmit, fault, 1));
  const tries = [await post().catch(() => null), await post(), await post()];
  await proxy.close();
  const answers = tries.filter((answer) => answer !== null);
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201));
  const ids = new Set(answers.map(jobIdIn));
  expect(ids.size).toBe(1);
  const [id = ""] = ids;
  expect(await league.ended(id)).toMatchObject({ state: "succeeded" });
  expect(marks.of(0)).toHaveLength(1);
  expect((await listJobs(league.client, { limit: 1000 })).items).toHaveLength(before + 1);
});
