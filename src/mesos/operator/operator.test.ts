import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { League, startWorker, until as untilSo } from "../../../test/support/league.ts";
import type { RunningWorker } from "../../../test/support/miniflare.ts";
import { until } from "../../../test/support/until.ts";
import { levelOf, statusOf, taskOf, viewOf } from "../fixture/shown.ts";
import { basic, Surface, startSurface } from "../fixture/surface.ts";

let worker: RunningWorker;
let surface: Surface;
let member: string;

beforeAll(async () => {
  worker = await startSurface({ HANSA_MESOS_HEARTBEAT: "1" });
  surface = await Surface.on(worker, "lab");
  const { league } = surface;
  await league.ok("POST", "/v1/clusters", { body: { name: "north" } });
  await league.ok("PUT", "/v1/roles/lab", { body: { weight: 2, guarantee: { cpus: 1 }, limit: { cpus: 3 } } });
  const agent = await league.join("north", "n1");
  const capacity = { cpus: 4000, mem: 4_096_000, ports: 10_000 };
  const attributes = { hostname: "host-1", ip: "10.0.0.7", region: "eu", zone: "eu-1" };
  const inventory = {
    capacity,
    attributes,
    drivers: ["process"],
    ports: [[31000, 31009]] as [number, number][],
    version: "0.1.0",
  };
  await agent.poll(0, { inventory });
  await league.ok("POST", "/v1/jobs", {
    body: { command: "true", role: "shop", resources: { cpus: 1, mem: "64MiB" } },
    headers: { "idempotency-key": "job-of-the-test-0" },
  });
  await agent.takeWork();
  for (const [id, role] of [
    ["f1", "lab"],
    ["f2", "shop"],
  ] as const) {
    const tasks = [
      taskOf(`${id}-1`, [statusOf(`${id}-1`, "TASK_RUNNING", { ip: "10.0.0.7" })], {}, { role }),
      taskOf(`${id}-2`, [], {}, { role, executorId: "e" }),
      taskOf(`${id}-3`, [statusOf(`${id}-3`, "TASK_LOST")], {}, { role, state: "unreachable" }),
      taskOf(`${id}-4`, [statusOf(`${id}-4`, "TASK_FINISHED", { atMs: 1 })], { isCompleted: true }, { role }),
      taskOf(`${id}-5`, [statusOf(`${id}-5`, "TASK_RUNNING")], {}, { role: "other" }),
    ];
    await surface.object(id, "show", { view: viewOf(id, [role]), tasks });
    await surface.object(id, "level", levelOf(id, [role]));
  }
  await untilSo(
    async () => (await v1("GET_FRAMEWORKS")).frameworks.length,
    (count) => count === 3,
  );
  member = await league.makeToken({ scope: "member", role: "lab" });
});
afterAll(() => worker.dispose());

const TEXT = "text/plain; charset=utf-8";

// biome-ignore lint/suspicious/noExplicitAny: a test knows what it asked for
type Json = any;

async function v1(type: string, { more = {}, authorization = surface.authorization } = {}): Promise<Json> {
  const { status, body } = await surface.send({ path: "/api/v1", body: { type, ...more }, headers: { authorization } });
  if (status !== 200) throw new Error(`${type}: ${status} ${body}`);
  const answer = JSON.parse(body);
  expect(Object.keys(answer)).toEqual(["type", type.toLowerCase()]);
  return answer[type.toLowerCase()];
}

async function get(path: string, authorization = surface.authorization): Promise<Json> {
  const { status, body } = await surface.send({ method: "GET", path, headers: { authorization } });
  if (status !== 200) throw new Error(`${path}: ${status} ${body}`);
  return JSON.parse(body);
}

const bare = (path: string, headers: Record<string, string | undefined> = {}) =>
  surface.send({ method: "GET", path, headers: { authorization: undefined, ...headers } });

describe("who may", () => {
  test("without credentials nothing is told, and /health is not there", async () => {
    for (const path of ["/state", "/master/slaves", "/metrics/snapshot", "/redirect"]) {
      const { status, headers } = await bare(path);
      expect([path, status, headers["www-authenticate"], headers["content-type"]]).toEqual([
        path,
        401,
        'Basic realm="mesos-master-readonly"',
        TEXT,
      ]);
    }
    expect(
      await surface.send({ path: "/api/v1", body: { type: "GET_STATE" }, headers: { authorization: undefined } }),
    ).toMatchObject({ status: 401 });
    const health = await bare("/health");
    expect([health.status, health.headers["content-type"]]).toEqual([404, "application/problem+json"]);
    expect((await bare("/health", { authorization: basic("p", "no token") })).status).toBe(401);
    expect(await bare("/health", { authorization: surface.authorization })).toMatchObject({ status: 200, body: "" });
  });

  test("a bearer may as well, a join token may not", async () => {
    expect(await get("/flags", `Bearer ${surface.league.token}`)).toMatchObject({ flags: { cluster: "lab" } });
    const join = await surface.league.makeToken({ scope: "join", cluster: "north" });
    expect(await bare("/flags", { authorization: basic("p", join) })).toMatchObject({ status: 403 });
  });

  test("of a credential with a role are only frameworks, tasks and roles within it, and all agents", async () => {
    const authorization = basic("p", member);
    const state = await v1("GET_STATE", { authorization });
    expect(state.get_frameworks.frameworks.map((one: Json) => one.framework_info.id.value)).toEqual(["f1"]);
    expect(state.get_tasks.tasks.map((one: Json) => one.task_id.value)).toEqual(["f1-1", "f1-2"]);
    expect(state.get_agents.agents).toHaveLength(1);
    expect((await v1("GET_ROLES", { authorization })).roles.map(({ name }: Json) => name)).toEqual(["lab"]);
    const old = await get("/state", authorization);
    expect([old.frameworks.length, old.slaves.length]).toEqual([1, 1]);
    const figures = await get("/metrics/snapshot", authorization);
    expect(figures["master/frameworks_active"]).toBe(1);
    expect(Object.keys(figures).filter((name) => /shop|f2|outstanding/.test(name))).toEqual([]);
  });
});

describe("the envelope", () => {
  test("is the scheduler API's, at each of the paths", async () => {
    for (const path of ["/api/v1", "/master/api/v1", "/api/v1/operator"]) {
      expect(await surface.send({ path, body: { type: "GET_HEALTH" } })).toMatchObject({
        status: 200,
        body: '{"type":"GET_HEALTH","get_health":{"healthy":true}}',
      });
      const refused = await surface.send({ method: "GET", path });
      expect([refused.status, refused.headers.allow]).toEqual([405, "POST"]);
    }
    const send = (body: unknown, headers: Record<string, string | undefined> = {}) =>
      surface.send({ path: "/api/v1", body, headers });
    expect(await send("{}", { "content-type": undefined })).toMatchObject({ status: 400 });
    expect(await send("{}", { "content-type": "text/x" })).toMatchObject({ status: 415 });
    expect(await send("{")).toMatchObject({ status: 400, headers: { "content-type": TEXT } });
    expect(await send("{}")).toMatchObject({
      status: 400,
      body: "Failed to validate master::Call: Expecting 'type' to be present",
    });
    expect(await send({ type: "GET_STATE" }, { accept: "foo" })).toMatchObject({ status: 406 });
    expect(await send({ type: "DRAIN_AGENT" })).toMatchObject({
      status: 501,
      body: "501 Not Implemented. In Hansa: hansa drain CLUSTER/NODE",
    });
  });
});

describe("versions", () => {
  test("whoever asks is told Mesos' version and Hansa's own: some clients ask before they send credentials", async () => {
    const { league } = surface;
    const mesos: Json = await league.ok("GET", "/version", { token: null });
    expect(mesos).toMatchObject({ version: "1.11.0", build_user: "hansa", agentProtocol: 1 });
    expect(mesos.git_tag).toBe(`hansa-${mesos.hansa}`);
    for (const path of ["/version", "/master/version"])
      for (const authorization of [undefined, surface.authorization, `Bearer ${league.token}`])
        expect(JSON.parse((await bare(path, { authorization })).body)).toEqual(mesos);
    expect((await v1("GET_VERSION")).version_info).toEqual({
      version: "1.11.0",
      git_tag: mesos.git_tag,
      build_user: "hansa",
    });
  });

  test("a master that is found leads to itself", async () => {
    const { status, headers } = await bare("/redirect", { authorization: surface.authorization });
    expect([status, headers.location]).toEqual([307, `//${new URL(worker.url).host}`]);
    expect((await bare("/redirect/x", { authorization: surface.authorization })).status).toBe(404);
    expect((await v1("GET_MASTER")).master_info).toMatchObject({ hostname: "127.0.0.1", version: "1.11.0" });
  });

  test("a bound deployment answers whoever asks without credentials", async () => {
    const bound = await startSurface({ HANSA_MESOS: "lab" });
    const at = async (path: string) => fetch(`${bound.url}${path}`);
    expect((await at("/health")).status).toBe(200);
    expect(await (await at("/slaves")).json()).toEqual({ slaves: [], recovered_slaves: [] });
    await bound.dispose();
  });
});

const scalar = (list: Json[], name: string) => list.find((one) => one.name === name)?.scalar.value;

describe("what there is", () => {
  test("agents are the nodes of all clusters", async () => {
    const { agents } = await v1("GET_AGENTS");
    expect(agents).toHaveLength(1);
    const [agent] = agents;
    expect(agent).toMatchObject({
      agent_info: {
        id: { value: "north.n1.1" },
        hostname: "host-1",
        port: 5051,
        domain: { fault_domain: { region: { name: "eu" }, zone: { name: "eu-1" } } },
      },
      active: true,
      deactivated: false,
      version: "0.1.0",
      pid: "slave(1)@10.0.0.7:5051",
    });
    expect(agent.agent_info.attributes).toContainEqual({ name: "cluster", type: "TEXT", text: { value: "north" } });
    expect(agent.total_resources).toContainEqual({
      name: "ports",
      type: "RANGES",
      ranges: { range: [{ begin: 31000, end: 31009 }] },
      role: "*",
    });
    expect([scalar(agent.total_resources, "cpus"), scalar(agent.allocated_resources, "cpus")]).toEqual([4, 1]);
    const { slaves } = await get("/slaves?slave_id=north.n1.1");
    expect(slaves).toMatchObject([
      {
        id: "north.n1.1",
        attributes: { cluster: "north", node: "n1", hostname: "host-1" },
        resources: { cpus: 4, gpus: 0, mem: 4096, disk: 0, ports: "[31000-31009]" },
        used_resources: { cpus: 1, mem: 64 },
        reserved_resources: {},
        unreserved_resources: { cpus: 4 },
        active: true,
      },
    ]);
    expect((await get("/master/slaves?slave_id=other")).slaves).toEqual([]);
  });

  test("frameworks say what they are, and the league's own jobs are one more", async () => {
    const { frameworks } = await v1("GET_FRAMEWORKS");
    const [f1, , hansa] = frameworks;
    expect(f1).toMatchObject({
      framework_info: {
        id: { value: "f1" },
        name: "cron",
        user: "root",
        roles: ["lab"],
        failover_timeout: 1.5,
        checkpoint: true,
        principal: "p",
        webui_url: "http://cron/",
        capabilities: [{ type: "MULTI_ROLE" }],
        labels: { labels: [{ key: "k", value: "v" }] },
        offer_filters: {
          lab: { min_allocatable_resources: { quantities: [{ quantities: { cpus: { value: 0.5 } } }] } },
        },
      },
      active: true,
      connected: true,
      recovered: false,
      registered_time: { nanoseconds: 1_764_138_123_456_000_000 },
      offer_constraints: {
        role_constraints: {
          lab: {
            groups: [
              {
                attribute_constraints: [
                  { selector: { pseudoattribute_type: "HOSTNAME" }, predicate: { text_equals: { value: "h" } } },
                ],
              },
            ],
          },
        },
      },
    });
    expect(hansa).toMatchObject({ framework_info: { id: { value: "hansa" }, name: "hansa", user: "hansa" } });
    expect(scalar(hansa.allocated_resources, "cpus")).toBe(1);
    const old = await get("/frameworks?framework_id=f1");
    expect(old).toMatchObject({
      frameworks: [{ id: "f1", roles: ["lab"], registered_time: 1_764_138_123.456, unregistered_time: 0 }],
      completed_frameworks: [],
      unregistered_frameworks: [],
    });
    expect(old.frameworks[0].tasks.map(({ id }: Json) => id)).toEqual(["f1-1", "f1-2", "f1-5"]);
    expect(old.frameworks[0].executors).toEqual([{ executor_id: "e", framework_id: "f1", slave_id: "north.n1.1" }]);
  });

  test("tasks are as their framework was told of them", async () => {
    const { tasks, unreachable_tasks, completed_tasks } = await v1("GET_TASKS");
    const ids = (list: Json[]) => list.map((one) => one.task_id.value);
    expect(ids(tasks)).toEqual(["f1-1", "f1-2", "f1-5", "f2-1", "f2-2", "f2-5"]);
    expect([ids(unreachable_tasks), ids(completed_tasks)]).toEqual([
      ["f1-3", "f2-3"],
      ["f1-4", "f2-4"],
    ]);
    expect(tasks[0]).toMatchObject({
      name: "name of f1-1",
      framework_id: { value: "f1" },
      agent_id: { value: "north.n1.1" },
      state: "TASK_RUNNING",
      status_update_state: "TASK_RUNNING",
      status_update_uuid: "MTIz",
      labels: { labels: [{ key: "k", value: "v" }] },
    });
    expect(scalar(tasks[0].resources, "cpus")).toBe(0.5);
    expect(tasks[1]).toMatchObject({ state: "TASK_STAGING", executor_id: { value: "e" } });
    expect((await v1("GET_EXECUTORS")).executors[0]).toEqual({
      executor_info: { executor_id: { value: "e" }, framework_id: { value: "f1" } },
      agent_id: { value: "north.n1.1" },
    });
    expect(await v1("GET_OPERATIONS")).toEqual({});
  });

  test("/tasks gives pages, newest first unless it is asked otherwise", async () => {
    const of = async (query: string) => (await get(`/tasks${query}`)).tasks.map(({ id }: Json) => id);
    expect(await of("?order=asc&limit=2")).toEqual(["f1-4", "f2-4"]);
    expect(await of("?limit=1&offset=9")).toHaveLength(1);
    expect(await of("?limit=no")).toHaveLength(10);
    const { tasks } = await get("/tasks?framework_id=f1&task_id=f1-1");
    expect(tasks).toMatchObject([
      {
        id: "f1-1",
        slave_id: "north.n1.1",
        executor_id: "",
        role: "lab",
        resources: { cpus: 0.5, mem: 64, ports: "[31000-31001]" },
        statuses: [{ state: "TASK_RUNNING", timestamp: 1_764_138_123.456 }],
        labels: [{ key: "k", value: "v" }],
      },
    ]);
  });

  test("roles have their weight, quota and frameworks", async () => {
    const { roles } = await v1("GET_ROLES");
    expect(roles.find(({ name }: Json) => name === "lab")).toMatchObject({ weight: 2, frameworks: [{ value: "f1" }] });
    expect((await v1("GET_WEIGHTS")).weight_infos).toContainEqual({ role: "lab", weight: 2 });
    expect(await get("/weights")).toContainEqual({ role: "lab", weight: 2 });
    expect((await v1("GET_QUOTA")).status.configs).toEqual([
      { role: "lab", guarantees: { cpus: { value: 1 } }, limits: { cpus: { value: 3 } } },
    ]);
    const old = (await get("/roles")).roles.find(({ name }: Json) => name === "lab");
    expect(old).toMatchObject({
      frameworks: ["f1"],
      quota: { role: "lab", guarantee: { cpus: 1 }, limit: { cpus: 3 } },
    });
  });

  test("the state has all of it", async () => {
    const state = await get("/state");
    expect(state).toMatchObject({
      version: "1.11.0",
      cluster: "lab",
      hostname: "127.0.0.1",
      activated_slaves: 1,
      deactivated_slaves: 0,
      unreachable_slaves: 0,
      leader: state.pid,
      flags: { cluster: "lab" },
      orphan_tasks: [],
      recovered_slaves: [],
    });
    expect([state.slaves.length, state.frameworks.length]).toEqual([1, 3]);
    expect(Object.keys(await v1("GET_STATE"))).toEqual(["get_tasks", "get_executors", "get_frameworks", "get_agents"]);
    const summary = await get("/master/state-summary");
    expect(summary.slaves).toMatchObject([{ TASK_RUNNING: 4, TASK_FINISHED: 2, framework_ids: ["f1", "f2"] }]);
    expect(summary.frameworks[0]).toMatchObject({ id: "f1", TASK_STAGING: 1, slave_ids: ["north.n1.1"] });
    expect(summary.frameworks[0].tasks).toBeUndefined();
  });

  test("figures have Mesos' names", async () => {
    const figures = await get("/metrics/snapshot");
    expect(figures).toMatchObject({
      "master/elected": 1,
      "master/slaves_active": 1,
      "master/frameworks_active": 2,
      "master/cpus_total": 4,
      "master/cpus_used": 1,
      "master/cpus_percent": 0.25,
      "master/tasks_running": 4,
      "master/tasks_staging": 2,
      "master/tasks_unreachable": 2,
      "master/tasks_lost": 0,
      "master/tasks_finished": 2,
      "master/frameworks/cron/f1/offers/sent": 7,
      "master/frameworks/cron/f1/roles/lab/suppressed": 0,
      "allocator/mesos/quota/roles/lab/resources/cpus/limit": 3,
    });
    const { metrics } = await v1("GET_METRICS", { more: { get_metrics: {} } });
    expect(metrics).toContainEqual({ name: "master/slaves_active", value: 1 });
    // Hansa's own are where they were.
    expect((await bare("/metrics")).headers["content-type"]).toBe("application/problem+json");
  });
});

test("the Worker that is deployed serves it beside its own routes", async () => {
  const deployed = await startWorker();
  const league = await League.on(deployed, "lab");
  await league.ok("POST", "/v1/clusters", { body: { name: "north" } });
  await (await league.join("north", "n1")).poll();
  const state = await league.ok("GET", "/state");
  expect(state.slaves).toMatchObject([{ id: "north.n1.1", resources: { cpus: 4 } }]);
  expect(state.frameworks).toMatchObject([{ id: "hansa", used_resources: { cpus: 0 } }]);
  expect((await league.call("GET", "/health", { token: null })).status).toBe(404);
  await deployed.dispose();
});

describe("the stream", () => {
  test("begins with the state, and goes on with what changes", async () => {
    const stream = await surface.open({ path: "/api/v1", body: { type: "SUBSCRIBE" } });
    expect([stream.head.statusCode, stream.head.headers["content-type"]]).toEqual([200, "application/json"]);
    await until(() => stream.pieces.length >= 2);
    const [subscribed, heartbeat] = stream.events;
    expect(subscribed.subscribed.heartbeat_interval_seconds).toBe(1);
    expect(subscribed.subscribed.get_state.get_agents.agents).toHaveLength(1);
    expect(heartbeat).toEqual({ type: "HEARTBEAT" });
    const told = (type: string) => stream.events.filter((event) => event.type === type);

    await surface.object("f3", "show", { view: viewOf("f3", ["lab"]), tasks: [taskOf("f3-1", [])] });
    await surface.object("f3", "level", levelOf("f3", ["lab"]));
    await until(() => told("TASK_ADDED").length > 0);
    expect(told("FRAMEWORK_ADDED")).toMatchObject([
      { framework_added: { framework: { framework_info: { id: { value: "f3" } } } } },
    ]);
    expect(told("TASK_ADDED")).toMatchObject([{ task_added: { task: { task_id: { value: "f3-1" } } } }]);

    const running = [taskOf("f3-1", [statusOf("f3-1", "TASK_RUNNING")])];
    await surface.object("f3", "show", { view: viewOf("f3", ["lab"]), tasks: running });
    await until(() => told("TASK_UPDATED").length > 0);
    expect(told("TASK_UPDATED")).toMatchObject([
      {
        task_updated: { framework_id: { value: "f3" }, state: "TASK_RUNNING", status: { task_id: { value: "f3-1" } } },
      },
    ]);

    const agent = await surface.league.join("north", "n2");
    await agent.poll();
    await until(() => told("AGENT_ADDED").length > 0);
    await surface.league.ok("DELETE", "/v1/clusters/north/nodes/n2");
    await until(() => told("AGENT_REMOVED").length > 0);
    expect(told("AGENT_REMOVED")).toEqual([
      { type: "AGENT_REMOVED", agent_removed: { agent_id: { value: "north.n2.1" } } },
    ]);

    await surface.object("f3", "level", { ...levelOf("f3", ["lab"]), rev: 2, state: "removed" });
    await until(() => told("FRAMEWORK_REMOVED").length > 0);
    expect(told("HEARTBEAT").length).toBeGreaterThan(1);
    stream.head.destroy();
  });
});
