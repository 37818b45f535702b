import { afterAll, beforeAll, expect, test } from "vitest";
import { type Json, League, startWorker, until } from "../../test/support/league.ts";
import type { RunningWorker } from "../../test/support/miniflare.ts";

let worker: RunningWorker;
beforeAll(async () => {
  worker = await startWorker();
});
afterAll(() => worker.dispose());

/** A node of 4 cpus in each cluster. */
async function leagueOf(name: string, ...clusters: string[]) {
  const league = await League.on(worker, name);
  for (const cluster of clusters) await league.ok("POST", "/v1/clusters", { body: { name: cluster } });
  for (const cluster of clusters) await (await league.join(cluster, `${cluster}-1`)).poll();
  await until(
    () => league.ok("GET", "/v1/clusters"),
    ({ items }) => items.every(({ nodes }: Json) => nodes.up === 1),
  );
  return league;
}
const plan = (league: League, body: object, token?: string) =>
  league.call("POST", "/v1/plan", { body, ...(token !== undefined && { token }) });
const submit = (league: League, body: object, key?: string, token?: string) =>
  league.call("POST", "/v1/jobs", {
    body,
    headers: key === undefined ? {} : { "idempotency-key": key },
    ...(token !== undefined && { token }),
  });
const limitsOf = (job: Json) =>
  Object.fromEntries(Object.entries<Json>(job.partitions).map(([key, { limit }]) => [key, limit]));
const SPEC = { command: "true", count: 6, resources: { cpus: 1 }, timeout: "10m" };

test("a plan tells partitions and nodes, writes no row and sets no alarm", async () => {
  const league = await leagueOf("tells", "north", "south");
  const count = async () => {
    const { broker = {}, "cluster/north": north = {}, "cluster/south": south = {} } = await league.counts();
    return [broker, north, south].map((of) => [of.rows_written, of.alarms, of.grants_sent_total]);
  };
  const before = await count();
  const { status, body } = await plan(league, { job: SPEC });
  expect(status).toBe(200);
  expect(body.job).toMatchObject({
    startsNow: 6,
    waits: 0,
    places: [
      { partition: "north/default", tasks: 3, nodes: [{ node: "north-1", tasks: 3 }], withoutNode: 0 },
      { partition: "south/default", tasks: 3, nodes: [{ node: "south-1", tasks: 3 }], withoutNode: 0 },
    ],
  });
  expect(await count()).toEqual(before);
  expect((await league.ok("GET", "/v1/jobs")).items).toEqual([]);
});

test("a job submitted with its plan's token gets just that, however it is spelled, and once", async () => {
  const league = await leagueOf("keeps", "north", "south");
  const token = (await plan(league, { job: SPEC })).body.token;
  const job = await submit(league, { ...SPEC, timeout: "600s", plan: token }, "k");
  expect(job.status).toBe(201);
  expect(limitsOf(job.body)).toEqual({ "north/default": 3, "south/default": 3 });
  const again = await submit(league, { ...SPEC, plan: token }, "k");
  expect([again.status, again.body.id]).toEqual([201, job.body.id]);
  expect((await submit(league, { ...SPEC, plan: token })).body.code).toBe("plan-changed");
  expect((await league.ok("GET", "/v1/jobs")).items).toHaveLength(1);
});

test("what changed is told with the token of the plan as it is now", async () => {
  const league = await leagueOf("changes", "north", "south");
  const told = await plan(league, { job: SPEC });
  await submit(league, { ...SPEC, count: 3, clusters: ["south"] });
  const refused = await submit(league, { ...SPEC, plan: told.body.token });
  expect(refused).toMatchObject({ status: 409, body: { code: "plan-changed" } });
  expect(refused.body.detail).toMatch(/north\/default 3 → 4 tasks; south\/default 3 → 1 tasks/);
  const { plan: token } = refused.body.data;
  expect(token).toBe((await plan(league, { job: SPEC })).body.token);
  expect(limitsOf((await submit(league, { ...SPEC, plan: token })).body)).toEqual({
    "north/default": 4,
    "south/default": 1,
  });
});

test("a what-if has no token and asks no cluster; without a job it tells of all jobs", async () => {
  const league = await leagueOf("what-if", "north", "south");
  const { body: job } = await submit(league, { ...SPEC, count: 8 });
  expect((await plan(league, { whatIf: { withoutClusters: ["south"] } })).body).toMatchObject({
    job: null,
    others: [{ job: job.id, before: 8, after: 4 }],
    token: null,
  });
  const added = { count: 2, resources: { cpus: 8 } };
  expect((await plan(league, { job: SPEC, whatIf: { addNodes: [added] } })).body).toMatchObject({
    job: { startsNow: 6, places: [{ partition: "north/default", tasks: 6, nodes: null, withoutNode: null }] },
    whatIf: { addNodes: [{ cluster: "north", partition: "default", resources: { cpus: 8000, mem: 4_096_000 } }] },
    token: null,
  });
});

test("members plan within their role, owners and joiners not at all", async () => {
  const league = await leagueOf("scopes", "north");
  const member = await league.makeToken({ scope: "member", role: "lab" });
  const told = await plan(league, { job: SPEC }, member);
  expect(told.body.job.role).toBe("lab");
  expect((await submit(league, { ...SPEC, plan: told.body.token }, undefined, member)).status).toBe(201);
  expect((await plan(league, { job: { ...SPEC, role: "web" } }, member)).status).toBe(403);
  const owner = await league.makeToken({ scope: "owner", cluster: "north" });
  const joiner = await league.makeToken({ scope: "join", cluster: "north" });
  for (const token of [owner, joiner]) expect((await plan(league, { job: SPEC }, token)).status).toBe(403);
});

test.each<[string, object, object]>([
  ["nothing to plan", {}, { field: "job" }],
  ["a what-if of nothing", { whatIf: {} }, { field: "job" }],
  ["an unknown field", { jobs: SPEC }, { field: "jobs", didYouMean: "job" }],
  ["an unknown field of the job", { job: { comand: "true" } }, { field: "job.comand", didYouMean: "command" }],
  ["a plan in a plan", { job: { ...SPEC, plan: "pln_" } }, { field: "job.plan" }],
  ["an unknown field of the what-if", { whatIf: { withoutCluster: ["a"] } }, { didYouMean: "withoutClusters" }],
  [
    "an amount that is none",
    { whatIf: { addNodes: [{ count: 1, resources: { mem: "lots" } }] } },
    { field: "whatIf.addNodes[0].resources.mem" },
  ],
  [
    "no node at all",
    { whatIf: { addNodes: [{ count: 0, resources: { cpus: 1 } }] } },
    { field: "whatIf.addNodes[0].count" },
  ],
  [
    "a cluster that is not there",
    { whatIf: { withoutClusters: ["nroth"] } },
    { field: "whatIf.withoutClusters[0]", didYouMean: "north" },
  ],
])("%s is refused and named", async (_what, body, error) => {
  const league = await League.on(worker, "wrong");
  await league.call("POST", "/v1/clusters", { body: { name: "north" } });
  expect(await plan(league, body)).toMatchObject({
    status: 400,
    body: { code: "invalid-request", errors: expect.arrayContaining([expect.objectContaining(error)]) },
  });
});

test.each([["junk"], ["pln_abc_00000000"], ["pln_"]])("a token that is none is refused: %s", async (token) => {
  const league = await League.on(worker, "wrong");
  expect(await submit(league, { command: "true", plan: token })).toMatchObject({
    status: 400,
    body: { errors: [{ field: "plan", message: expect.stringMatching(/begins with pln_/) }] },
  });
});
