import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { cancelJob, getJob, listJobs } from "../../cli/api/endpoints.ts";
import type { PlanView } from "../../src/model/planView.ts";
import { isTerminal } from "../../src/model/states.ts";
import type { JobView } from "../../src/model/views.ts";
import { hansaOf, saysOf } from "./hansa.ts";
import { League } from "./league.ts";
import { until } from "./processes.ts";

let league: League;
let files = 0;

/** Two nodes of 2 cpus in north, one in south. */
beforeAll(async () => {
  league = await League.start(["north", "south"]);
  for (const [cluster, name] of [
    ["north", "n1"],
    ["north", "n2"],
    ["south", "s1"],
  ] as const)
    league.addAgent(cluster, name, { cpus: 2, mem: "2GiB" });
  await league.allUp();
}, 30_000);

afterAll(() => league?.end(), 30_000);

/** The next test begins with an empty league. */
afterEach(async () => {
  const { items } = await listJobs(league.client, { limit: 100 });
  for (const { id, state } of items) {
    if (isTerminal(state)) continue;
    await cancelJob(league.client, id);
    await league.ended(id);
  }
}, 60_000);

/** Runs until it is stopped. */
const WAIT = "while :; do sleep 0.1; done";

const hansa = (...words: string[]) => hansaOf(league, words);
const says = (...words: string[]) => saysOf(league, words);

/** A job file whose tasks run until the test is over. */
function jobFile(more: object): string {
  const path = join(league.root, `job${++files}.yaml`);
  writeFileSync(path, JSON.stringify({ command: WAIT, resources: { cpus: 1, mem: "64MiB" }, ...more }));
  return path;
}
const planOf = async (...words: string[]): Promise<PlanView> => JSON.parse(await says("plan", "--json", ...words));
const submitted = async (file: string, token: string | null): Promise<JobView> =>
  JSON.parse(await says("submit", "--json", file, "--plan", token ?? ""));
const placesOf = ({ job }: PlanView) =>
  Object.fromEntries((job?.places ?? []).map((one) => [one.partition, one.tasks]));
const limitsOf = ({ partitions }: JobView) =>
  Object.fromEntries(Object.entries(partitions).map(([key, { limit }]) => [key, limit]));
const live = (id: string, wanted: number) =>
  until(`${wanted} tasks of ${id} are live`, async () => (await getJob(league.client, id)).counts.live === wanted);

test("a job submitted as planned runs where the plan said, by partition and by node", async () => {
  const file = jobFile({ count: 6 });
  const told = await planOf(file);
  expect(told.job).toMatchObject({ startsNow: 6, waits: 0 });
  const nodes = told.job?.places.flatMap((one) => one.nodes ?? []) ?? [];
  expect(nodes.reduce((n, { tasks }) => n + tasks, 0)).toBe(6);
  expect((await listJobs(league.client, { limit: 1 })).items.filter(({ state }) => !isTerminal(state))).toEqual([]);

  const job = await submitted(file, told.token);
  expect(limitsOf(job)).toEqual(placesOf(told));
  await live(job.id, 6);
  const ran = Map.groupBy(await league.tasks(job.id), ({ attempts }) => attempts.at(-1)?.node ?? "");
  for (const { node, tasks } of nodes) expect([node, ran.get(node)?.length]).toEqual([node, tasks]);
}, 60_000);

test("for a person it says where, why the rest waits, and how to run it just so", async () => {
  const file = jobFile({ count: 9 });
  const said = await says("plan", file);
  expect(said).toMatch(
    /^plan {2}9 tasks → north 4, south 2 {2}6 of them now, borrows nothing\n {2}north\/default {2}4 tasks {2}n\d 2, n\d 2\n {2}south\/default {2}2 tasks {2}s1 2\n3 wait: space\. .*\nfix \(checked\): add .*\ngap \d/,
  );
  const [, command = ""] =
    /^run it: hansa (.*)$/m.exec(said.replaceAll(/run it: .*?(submit)/g, "run it: hansa $1")) ?? [];
  const job: JobView = JSON.parse(await says(...command.split(" "), "--json"));
  expect(limitsOf(job)).toEqual({ "north/default": 4, "south/default": 2 });

  const words = ["run", "--detach", "--count", "1", "--cpus", "1"];
  const planned = await says(...words, "--plan", "--", "true");
  expect(planned).toMatch(/^plan {2}1 task {2}none starts now, borrows nothing$/m);
  const [token = ""] = /pln_\S+/.exec(planned) ?? [];
  expect(await says(...words, "--plan", token, "--", "true")).toMatch(/^job \w+ {2}1 task/);
}, 60_000);

test("when something changed in between it is refused, and says what and how to go on", async () => {
  const file = jobFile({ count: 6 });
  const { token } = await planOf(file);
  const other = await league.submit({ command: WAIT, count: 4, clusters: ["north"], resources: { cpus: 1 } });
  await live(other.id, 4);
  const refused = await hansa("submit", file, "--plan", token ?? "");
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/would not go as it was planned: north\/default 4 → 0 tasks/);
  const [, now = ""] = /--plan (pln_\S+)/.exec(refused.stderr) ?? [];
  const { items } = await listJobs(league.client, { limit: 100 });
  expect(items.filter(({ state }) => !isTerminal(state)).map(({ id }) => id)).toEqual([other.id]);
  expect(limitsOf(await submitted(file, now))).toEqual({ "south/default": 2 });
}, 60_000);

test("a what-if says what each job would have without a cluster, and with more nodes", async () => {
  const job = await league.submit({ command: WAIT, count: 20, name: "wide", resources: { cpus: 1 } });
  await live(job.id, 6);
  expect((await planOf("--without-cluster", "south")).others).toMatchObject([{ job: job.id, before: 6, after: 4 }]);
  const said = await says("plan", "--without-cluster", "south", "--add-nodes", "3:cpus=4,mem=8GiB@north");
  expect(said).toMatch(/^what if: without south, 3 nodes of cpus=4,mem=8GiB.* in north\/default$/m);
  expect(said).toMatch(new RegExp(`^job ${job.id} {2}wide {2}6 → 16 at once$`, "m"));
  expect(said).toMatch(/^nothing was changed; a what-if has no token/m);
  await live(job.id, 6);

  const file = jobFile({ count: 2, constraints: ["arch = riscv"] });
  const never = await hansa("plan", file);
  expect([never.code, never.stdout]).toEqual([3, expect.stringMatching(/2 wait: constraint\. /)]);
  expect(placesOf(await planOf(file, "--add-nodes", "1:cpus=2,mem=1GiB,arch=riscv@south"))).toEqual({
    "south/default": 2,
  });
}, 60_000);

test("what names nothing is told with what was meant", async () => {
  const unknown = await hansa("plan", "--without-cluster", "nroth");
  expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining("did you mean north?")]);
  const shape = await hansa("plan", "--add-nodes", "cpus=4");
  expect([shape.code, shape.stderr]).toEqual([2, expect.stringContaining("--add-nodes wants N:SHAPE")]);
  const nothing = await hansa("plan");
  expect([nothing.code, nothing.stderr]).toEqual([2, expect.stringContaining("name a job file")]);
  const file = jobFile({ count: 1 });
  expect((await hansa("submit", file, "--plan", "pln_abc")).stderr).toMatch(/plan: is no plan's token/);
}, 30_000);

test("when jobs contend the plan is that of the optimiser, and a submission follows it", async () => {
  const resources = { cpus: 0.5, mem: "64MiB" };
  const first = await league.submit({ command: WAIT, count: 20, resources, role: "web" });
  await live(first.id, 12);
  const file = jobFile({ count: 20, resources: { cpus: 0.75, mem: "200MiB" }, role: "lab" });
  const told = await planOf(file);
  expect(told.round).toMatchObject({ method: "sifting", contended: true });
  expect(told.round.gapPct).toBeGreaterThanOrEqual(0);
  expect(told.job?.why?.reason).toBe("share");
  expect(told.others).toMatchObject([{ job: first.id, role: "web", before: 12 }]);
  expect(limitsOf(await submitted(file, told.token))).toEqual(placesOf(told));
}, 60_000);
