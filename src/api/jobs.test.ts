import { afterAll, beforeAll, expect, test } from "vitest";
import { League, startWorker, until } from "../../test/support/league.ts";
import type { RunningWorker } from "../../test/support/miniflare.ts";
import type { TaskView } from "../model/views.ts";
import { merged, mergePages } from "./taskMerge.ts";

let worker: RunningWorker;
beforeAll(async () => {
  worker = await startWorker();
});
afterAll(() => worker.dispose());

async function leagueOf(name: string, ...clusters: string[]) {
  const league = await League.on(worker, name);
  for (const cluster of clusters) await league.ok("POST", "/v1/clusters", { body: { name: cluster } });
  return league;
}
const submit = (league: League, spec: object, key?: string) =>
  league.call("POST", "/v1/jobs", { body: spec, headers: key === undefined ? {} : { "idempotency-key": key } });

test("one key is one job, however often and however written; with another body it is refused", async () => {
  const league = await leagueOf("once");
  const spec = { command: "true", timeout: "10m" };
  const answers = await Promise.all(Array.from({ length: 10 }, () => submit(league, spec, "k1")));
  expect(new Set(answers.map(({ status, body }) => `${status} ${body.id}`)).size).toBe(1);
  expect(answers[0]?.headers.get("location")).toBe(`/v1/jobs/${answers[0]?.body.id}`);
  const spelled = await submit(league, { timeout: "600s", command: "true" }, "k1");
  expect(spelled.body.id).toBe(answers[0]?.body.id);
  expect(await submit(league, { command: "false" }, "k1")).toMatchObject({
    status: 422,
    body: { code: "idempotency-key-reused" },
  });
  expect((await league.ok("GET", "/v1/jobs")).items).toHaveLength(1);
});

test("without a key each submission is a job, and other leagues have other ids for the same key", async () => {
  const [one, other] = [await leagueOf("one"), await leagueOf("other")];
  const ids = await Promise.all([
    submit(one, { command: "true" }),
    submit(one, { command: "true" }),
    submit(one, { command: "true" }, "key"),
    submit(other, { command: "true" }, "key"),
  ]);
  expect(new Set(ids.map(({ body }) => body.id)).size).toBe(4);
});

test("a job is waited for until it is over, and no longer", async () => {
  const league = await leagueOf("waits", "north");
  const agent = await league.join("north", "n1");
  await agent.poll();
  const { body: job } = await submit(league, { command: "true", count: 2 });
  const waiting = league.ok("GET", `/v1/jobs/${job.id}?wait=20`);
  const startedAt = performance.now();
  await agent.end(await agent.takeWork());
  expect(await waiting).toMatchObject({ state: "succeeded", counts: { succeeded: 2 } });
  expect(performance.now() - startedAt).toBeLessThan(5000);
  expect((await league.ok("GET", `/v1/jobs/${job.id}?wait=20`)).state).toBe("succeeded");
});

test("a wait ends when its time is over", async () => {
  const league = await leagueOf("patience");
  const { body: job } = await submit(league, { command: "true" });
  const startedAt = performance.now();
  expect(await league.ok("GET", `/v1/jobs/${job.id}?wait=1`)).toMatchObject({ state: "waiting" });
  expect(performance.now() - startedAt).toBeGreaterThan(990);
});

test("a waiting job is explained, and a cancelled one is over", async () => {
  const league = await leagueOf("why", "north");
  const { body: job } = await submit(league, { command: "true" });
  expect(await league.ok("GET", `/v1/jobs/${job.id}/explain`)).toMatchObject({ job: job.id, reason: "no-nodes" });
  await league.ok("POST", `/v1/jobs/${job.id}/cancel`);
  expect(await league.ok("GET", `/v1/jobs/${job.id}?wait=5`)).toMatchObject({ state: "cancelled" });
  expect(await league.ok("GET", `/v1/tasks/${job.id}.0`)).toMatchObject({ state: "cancelled", attempts: [] });
});

test("the tasks of a job that runs in two clusters come by rising index, page by page", async () => {
  const league = await leagueOf("pages", "north", "south");
  const agents = [await league.join("north", "n1"), await league.join("south", "s1")];
  for (const agent of agents) await agent.poll();
  await until(
    () => league.ok("GET", "/v1/clusters"),
    ({ items }) => items.every((cluster: { nodes: { up: number } }) => cluster.nodes.up === 1),
  );
  const { body: job } = await submit(league, { command: "true", count: 8, resources: { cpus: 1 } });
  for (const agent of agents) await agent.end(await agent.takeWork());
  await league.ok("GET", `/v1/jobs/${job.id}?wait=5`);
  const seen: TaskView[] = [];
  for (let after: string | null = null; ; ) {
    const page = await league.ok("GET", `/v1/jobs/${job.id}/tasks?limit=3${after === null ? "" : `&after=${after}`}`);
    seen.push(...page.items);
    after = page.next;
    if (after === null) break;
  }
  expect(seen.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(new Set(seen.map(({ cluster }) => cluster))).toEqual(new Set(["north", "south"]));
  expect(seen.every(({ state }) => state === "succeeded")).toBe(true);
  expect((await league.ok("GET", `/v1/jobs/${job.id}/tasks?state=failed`)).items).toEqual([]);
  expect(await league.ok("GET", `/v1/tasks/${job.id}.7`)).toEqual(seen[7]);
  expect((await league.call("GET", `/v1/tasks/${job.id}.8`)).status).toBe(404);
});

const task = (index: number, cluster: string, ...epochs: number[]): TaskView => ({
  id: `job1.${index}`,
  index,
  cluster,
  state: epochs.length === 0 ? "waiting" : "running",
  item: null,
  attempts: epochs.map((epoch) => ({
    epoch,
    node: cluster,
    state: "running",
    reason: null,
    code: null,
    signal: null,
    message: null,
    ranMs: null,
    stdoutBytes: null,
    stderrBytes: null,
  })),
});
const page = (items: TaskView[], next: number | null) => ({ items, moved: [], next });
const indicesOf = ({ items, next }: ReturnType<typeof mergePages>) => [items.map(({ index }) => index), next];

test("pages are merged only as far as every cluster has told", () => {
  const north = page([task(0, "north", 1), task(2, "north", 1)], 2);
  const south = page([task(1, "south", 1), task(5, "south", 1)], null);
  expect(indicesOf(mergePages([north, south], 10))).toEqual([[0, 1, 2], 2]);
  expect(indicesOf(mergePages([north, south], 2))).toEqual([[0, 1], 1]);
  expect(indicesOf(mergePages([page([], 7), south], 10))).toEqual([[1, 5], 7]);
  expect(indicesOf(mergePages([south], 10))).toEqual([[1, 5], null]);
  expect(indicesOf(mergePages([], 10))).toEqual([[], null]);
});

test("what ran where a task is no more is told with it, and makes no task by itself", () => {
  const { index, attempts } = task(0, "north", 1, 3);
  const north = {
    items: [],
    moved: [
      { index, attempts },
      { index: 4, attempts },
    ],
    next: null,
  };
  expect(mergePages([north, page([task(0, "south", 5)], null)], 10).items).toMatchObject([
    { index: 0, cluster: "south", attempts: [{ epoch: 1 }, { epoch: 3 }, { epoch: 5 }] },
  ]);
});

test("a task that moved is one task: where its newest attempt is, or where it waits now", () => {
  expect(merged([task(0, "north", 1, 3), task(0, "south", 2)])).toMatchObject({
    cluster: "north",
    attempts: [{ epoch: 1 }, { epoch: 2 }, { epoch: 3 }],
  });
  expect(merged([task(0, "north", 1), task(0, "south")])).toMatchObject({ cluster: "south", state: "waiting" });
});
