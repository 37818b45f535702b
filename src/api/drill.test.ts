import { afterAll, beforeAll, expect, test } from "vitest";
import { League, startWorker, type TestAgent, until } from "../../test/support/league.ts";
import type { RunningWorker } from "../../test/support/miniflare.ts";

let worker: RunningWorker;
let league: League;
let agent: TestAgent;
beforeAll(async () => {
  worker = await startWorker();
  league = await League.on(worker, "lab");
  for (const name of ["north", "empty"]) await league.ok("POST", "/v1/clusters", { body: { name } });
  agent = await league.join("north", "n1");
  await agent.poll();
});
afterAll(() => worker.dispose());

const DRILL = "/v1/clusters/north/drill";
const start = (key: string, length = "10s") =>
  league.call("POST", DRILL, { body: { for: length }, headers: { "idempotency-key": key } });
const look = () => league.ok("GET", DRILL);

test("there is none to begin with", async () => {
  expect(await look()).toEqual({ cluster: "north", drill: null });
  expect(await league.ok("DELETE", DRILL)).toEqual({ cluster: "north", drill: null });
});

test("a drill is told before it begins, cuts nodes off, ends, and reports", async () => {
  const { id } = await league.ok("POST", "/v1/jobs", { body: { command: "true" } });
  const [assigned] = await agent.takeWork();
  const attempt = assigned as { task: string; epoch: number };
  await agent.poll();
  expect(await league.ok("GET", `${DRILL}/preview?for=5m`)).toMatchObject({
    cluster: "north",
    forMs: 300_000,
    nodes: { cut: 1, silent: 0 },
    counts: { live: 1, mayStop: 0, goesOn: 1 },
    tasks: [{ task: attempt.task, node: "n1", framework: null, fate: "goes-on", again: false }],
  });
  const held = agent.send(25);
  await until(
    async () => (await league.counts())["cluster/north"]?.held_polls,
    (polls) => polls === 1,
  );
  const { body } = await start("first");
  expect(body).toMatchObject({ cluster: "north", drill: { state: "on", counts: { live: 1 } } });
  expect((await held).status).toBe(503);
  for (const wait of [0, 25]) expect((await agent.send(wait)).status).toBe(503);

  expect((await start("first")).body.drill.startedAt).toBe(body.drill.startedAt);
  expect(await start("second")).toMatchObject({ status: 409, body: { code: "conflict" } });

  const ended = await league.ok("DELETE", DRILL);
  expect(ended.drill).toMatchObject({ state: "settling" });
  expect((await agent.poll()).renews).toEqual([`${attempt.task}@${attempt.epoch}`]);
  await until(look, ({ drill }) => drill.state === "over");
  expect((await look()).drill).toMatchObject({
    nodes: { cut: 1, back: 1, missing: [] },
    counts: { wentOn: 1, doubled: 0, lost: 0, late: 0 },
    tasks: [{ task: attempt.task, became: "went-on", now: "runs", place: "north/n1" }],
  });
  await agent.end([attempt]);
  await until(
    () => league.ok("GET", `/v1/jobs/${id}`),
    ({ state }) => state === "succeeded",
  );
  const events = await (await league.fetch("GET", "/v1/events")).text();
  for (const type of ["cluster.drill-started", "cluster.drill-ended"]) expect(events).toContain(type);
}, 30_000);

test.each<[string, object | undefined, object]>([
  ["no length", {}, { field: "for" }],
  ["a length that is none", { for: "soon" }, { field: "for" }],
  ["one that is too short", { for: "9s" }, { field: "for", message: expect.stringContaining("between 10s and 1h") }],
  ["one that is too long", { for: "61m" }, { field: "for", message: expect.stringContaining("between 10s and 1h") }],
  ["an unknown field", { for: "1m", fro: 1 }, { field: "fro", didYouMean: "for" }],
])("%s is refused", async (_, body, error) => {
  const answer = await league.call("POST", DRILL, { body });
  expect(answer).toMatchObject({ status: 400, body: { code: "invalid-request", errors: [error] } });
});

test("a cluster without nodes, and one that is not there, cannot be drilled", async () => {
  const ask = (cluster: string) => [
    league.call("POST", `/v1/clusters/${cluster}/drill`, { body: { for: "1m" } }),
    league.call("GET", `/v1/clusters/${cluster}/drill/preview?for=1m`),
  ];
  for (const answer of await Promise.all(ask("empty")))
    expect(answer).toMatchObject({
      status: 409,
      body: { code: "conflict", detail: expect.stringContaining("has no nodes") },
    });
  for (const answer of await Promise.all(ask("west"))) expect(answer.status).toBe(404);
});
