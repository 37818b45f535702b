import { afterAll, beforeAll, expect, test } from "vitest";
import { League, startWorker, type TestAgent, until } from "../../test/support/league.ts";
import type { RunningWorker } from "../../test/support/miniflare.ts";

let worker: RunningWorker;
let league: League;
let agent: TestAgent;
beforeAll(async () => {
  worker = await startWorker();
  league = await League.on(worker, "lab");
  await league.ok("POST", "/v1/clusters", { body: { name: "north" } });
  agent = await league.join("north", "n1");
  await agent.poll();
});
afterAll(() => worker.dispose());

const NODE = "/v1/clusters/north/nodes/n1";
const CLUSTER = "/v1/clusters/north";
/** ms from now, as that is told */
const within = (at: number) => at - Date.now();

test("a node is drained with ten minutes, unless it is said otherwise, and is then used again", async () => {
  const drained = await league.ok("POST", `${NODE}/drain`);
  expect(drained).toMatchObject({ name: "n1", state: "drained", drain: { by: "node", left: 0, endsAt: null } });
  expect(within(drained.drain.deadlineAt)).toBeGreaterThan(590_000);
  expect(within(drained.drain.deadlineAt)).toBeLessThanOrEqual(600_000);
  const { drain } = await league.ok("POST", `${NODE}/drain`, { body: { deadline: "1m", for: "2h" } });
  expect(drain.endsAt - drain.deadlineAt).toBe(7_200_000);
  expect(await league.ok("GET", NODE)).toMatchObject({ state: "drained", drain: { endsAt: drain.endsAt } });
  expect(await league.ok("DELETE", `${NODE}/drain`)).toMatchObject({ state: "up", drain: null });
  expect(await league.ok("DELETE", `${NODE}/drain`)).toMatchObject({ state: "up", drain: null });
});

test("a drain that is sent again under its key keeps its deadline", async () => {
  for (const path of [NODE, CLUSTER]) {
    const send = async (key: string, deadline = "5m") =>
      (await league.ok("POST", `${path}/drain`, { body: { deadline }, headers: { "idempotency-key": key } })).drain;
    const { deadlineAt } = await send("first");
    await until(
      async () => Date.now(),
      (now) => now > deadlineAt - 300_000 + 5,
    );
    expect((await send("first")).deadlineAt).toBe(deadlineAt);
    expect((await send("second")).deadlineAt).toBeGreaterThan(deadlineAt);
    await league.ok("DELETE", `${path}/drain`);
  }
});

test("a cluster is drained with what runs in it, and the list of clusters tells so", async () => {
  const { id } = await league.ok("POST", "/v1/jobs", { body: { command: "true" } });
  const [attempt] = await agent.takeWork();
  expect(await league.ok("POST", `${CLUSTER}/drain`, { body: { deadline: "5m" } })).toMatchObject({
    cluster: "north",
    state: "draining",
    drain: { left: 1 },
    silent: [],
  });
  const told = () => league.ok("GET", CLUSTER);
  await until(told, ({ state }) => state === "draining");
  expect(await told()).toMatchObject({ nodes: { up: 0, drained: 1, total: 1 }, drain: { left: 1 } });
  await agent.end([attempt as { task: string; epoch: number }]);
  await until(told, ({ state }) => state === "drained");
  expect(await league.ok("GET", `${CLUSTER}/drain`)).toMatchObject({ state: "drained", drain: { left: 0 } });
  expect(await league.ok("DELETE", `${CLUSTER}/drain`)).toMatchObject({ state: "up", drain: null });
  await until(told, ({ state }) => state === "up");
  expect((await league.ok("GET", `/v1/jobs/${id}`)).state).toBe("succeeded");
  const { items } = await league.ok("GET", "/v1/clusters");
  expect(items).toMatchObject([{ state: "up", nodes: { up: 1, drained: 0 }, drain: null }]);
});

test.each<[string, object, object]>([
  ["a deadline that is none", { deadline: "soon" }, { field: "deadline" }],
  ["a window of nothing", { for: "0s" }, { field: "for" }],
  ["an unknown field", { dedline: "1m" }, { field: "dedline", didYouMean: "deadline" }],
])("%s is refused, and nothing is drained", async (_, body, error) => {
  for (const path of [NODE, CLUSTER]) {
    const answer = await league.call("POST", `${path}/drain`, { body });
    expect(answer).toMatchObject({ status: 400, body: { code: "invalid-request", errors: [error] } });
  }
  expect(await league.ok("GET", NODE)).toMatchObject({ state: "up", drain: null });
});

test("what is not there cannot be drained", async () => {
  for (const path of ["/v1/clusters/north/nodes/n9", "/v1/clusters/west"])
    expect(await league.call("POST", `${path}/drain`)).toMatchObject({ status: 404, body: { code: "not-found" } });
});
