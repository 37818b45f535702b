import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { League, startWorker } from "../../test/support/league.ts";
import type { RunningWorker } from "../../test/support/miniflare.ts";

let worker: RunningWorker;
let league: League;
let credential: string;
beforeAll(async () => {
  worker = await startWorker();
  league = await League.on(worker, "lab");
  await league.ok("POST", "/v1/clusters", { body: { name: "north" } });
  credential = (await league.join("north", "n1")).credential;
});
afterAll(() => worker.dispose());

const JSON_TYPE = "application/json";
const MIB = 2 ** 20;

/** Chunked, so that nobody is told the length before. */
function streamed(
  path: string,
  token: string,
  bytes: number,
  method = "POST",
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": JSON_TYPE, "transfer-encoding": "chunked" };
    const request = httpRequest(`${league.url}${path}`, { method, headers }, (response) => {
      let body = "";
      response.on("data", (chunk) => {
        body += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
    request.on("error", reject);
    for (let sent = 0; sent < bytes; sent += 65_536) request.write("x".repeat(Math.min(65_536, bytes - sent)));
    request.end();
  });
}

async function counted() {
  const counts = await league.counts();
  return Object.entries(counts).map(([name, { requests, rows_written }]) => [name, requests, rows_written]);
}

test("a request that is wrong in itself calls no object and stores nothing", async () => {
  const before = await counted();
  const big = JSON.stringify({ command: "x".repeat(MIB) });
  const wrongs: [string, string, object | string, number][] = [
    ["POST", "/v1/jobs", {}, 400],
    ["POST", "/v1/jobs", "", 400],
    ["POST", "/v1/jobs", "{", 400],
    ["POST", "/v1/jobs", [], 400],
    ["POST", "/v1/jobs", { command: "x", unknown: 1 }, 400],
    ["POST", "/v1/jobs", { command: "x", count: 1e18 }, 400],
    ["POST", "/v1/jobs", { command: "x", count: -1 }, 400],
    ["POST", "/v1/jobs", { command: "x", count: 1.5 }, 400],
    ["POST", "/v1/jobs", { command: "x", resources: { cpus: 1e300 } }, 400],
    ["POST", "/v1/jobs", { command: "x", resources: { cpus: "many" } }, 400],
    ["POST", "/v1/jobs", { command: "x", timeout: "10 parsecs" }, 400],
    ["POST", "/v1/jobs", { command: 5 }, 400],
    ["POST", "/v1/jobs", big, 413],
    ["POST", "/v1/clusters", { name: "North!" }, 400],
    ["POST", "/v1/tokens", { scope: "member" }, 400],
    ["POST", "/v1/tokens", { scope: "admin", uses: 3 }, 400],
    ["POST", "/v1/tokens", { scope: "admin", expiresIn: "1000000d" }, 400],
    ["POST", "/v1/jobs/UPPER/cancel", "", 400],
    ["PUT", "/v1/clusters/north/partitions/gpu", { onwer: "lab" }, 400],
    ["PUT", "/v1/roles/lab%2FML", {}, 400],
    ["PATCH", "/v1/league", { objective: "speed" }, 400],
  ];
  for (const [method, path, body, status] of wrongs) {
    const answer = await league.call(method, path, { body });
    expect([answer.status, answer.headers.get("content-type")], JSON.stringify(body).slice(0, 60)).toEqual([
      status,
      "application/problem+json",
    ]);
  }
  for (const path of ["/v1/jobs?limit=0", "/v1/jobs?limit=1001", "/v1/jobs?state=odd", "/v1/jobs/abcd?wait=26"]) {
    expect((await league.call("GET", path)).status, path).toBe(400);
  }
  const poll = { session: 1, nonce: "abcdefgh", seq: 1, boot: "b", running: [], updates: [], pressure: [] };
  for (const body of [{}, { ...poll, seq: -1 }, { ...poll, running: [["job1.0"]] }]) {
    expect((await league.call("POST", "/agent/v1/poll", { body, token: credential })).status).toBe(400);
  }
  expect((await league.call("POST", "/agent/v1/poll?wait=26", { body: poll, token: credential })).status).toBe(400);
  for (const query of ["", "stream=stdin&offset=0", "stream=stdout&offset=-1", "stream=stdout&offset=0&end=1"]) {
    const path = `/agent/v1/tasks/job1.0/1/logs?${query}`;
    expect((await league.call("PUT", path, { body: "x", token: credential })).status, query).toBe(400);
  }
  expect(await counted()).toEqual(before);
});

test("a body over 1 MiB is refused by its declared length, and by counting when none is declared", async () => {
  const before = await counted();
  const declared = await league.call("POST", "/v1/jobs", { body: "x".repeat(MIB + 1) });
  expect(declared).toMatchObject({ status: 413, body: { code: "too-large" } });
  expect(await streamed("/v1/jobs", league.token, MIB + 1)).toMatchObject({ status: 413 });
  expect(await streamed("/agent/v1/poll", credential, 3 * MIB)).toMatchObject({ status: 413 });
  const logs = "/agent/v1/tasks/job1.0/1/logs?stream=stdout&offset=0";
  expect(await streamed(logs, credential, MIB + 1, "PUT")).toMatchObject({ status: 413 });
  expect(await counted()).toEqual(before);
});

test("a body up to 1 MiB is taken, also without a declared length", async () => {
  expect(await streamed("/v1/jobs", league.token, 1000)).toMatchObject({ status: 400 });
  const command = "x".repeat(100 * 1024);
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(JSON.stringify({ command })));
      controller.close();
    },
  });
  const { status, body: job } = await league.call("POST", "/v1/jobs", { body });
  expect([status, job.command]).toEqual([201, command]);
});

test("bad JSON is told by line and column", async () => {
  const { body } = await league.call("POST", "/v1/jobs", { body: '{\n  "command": "x",\n}' });
  expect(body).toMatchObject({ code: "invalid-request", data: { line: 3, column: 1 } });
});

test("unknown fields come with the one that was meant, in the body and in the query", async () => {
  const spec = { comand: "x", retry: { mx: 1 }, disconnect: { stop_after: "10m" } };
  const { body } = await league.call("POST", "/v1/jobs", { body: spec });
  expect(body.errors).toEqual(
    expect.arrayContaining([
      { field: "comand", message: "unknown", didYouMean: "command" },
      { field: "retry.mx", message: "unknown", didYouMean: "max" },
      { field: "disconnect.stop_after", message: "unknown", didYouMean: "stopAfter" },
    ]),
  );
  const query = await league.call("GET", "/v1/jobs?sate=running");
  expect(query.body.errors).toEqual([{ field: "sate", message: "unknown", didYouMean: "state" }]);
});

test("a body of another type is told what to send", async () => {
  const { status, body } = await league.call("POST", "/v1/jobs", {
    body: "command=x",
    headers: { "content-type": "text/plain" },
  });
  expect([status, body.detail]).toEqual([400, "send the body with Content-Type: application/json"]);
});

test("what is not there is a problem too", async () => {
  expect((await league.call("GET", "/v1/nothing")).body).toMatchObject({ code: "not-found", status: 404 });
  expect((await league.call("GET", "/", { token: null })).body).toMatchObject({ code: "not-found" });
  expect((await league.call("GET", "/v1/jobs/abcdefghij")).body).toMatchObject({ code: "not-found" });
  expect((await league.call("GET", "/v1/clusters/absent/nodes")).body).toMatchObject({ code: "not-found" });
});

test("asking for a cluster that its league does not know brings none into being", async () => {
  await league.call("GET", "/v1/clusters/phantom/nodes");
  expect(Object.keys(await league.counts())).not.toContain("cluster/phantom");
});

test("health asks no object", async () => {
  const before = await counted();
  for (let n = 0; n < 3; n++) {
    expect(await league.ok("GET", "/healthz", { token: null })).toEqual({ ok: true });
  }
  expect(await counted()).toEqual(before);
});

test("without a secret the deployment says so, and serves nothing", async () => {
  const bare = await startWorker({ env: { HANSA_SECRET: "short" } });
  try {
    const response = await fetch(`${bare.url}/healthz`);
    expect([response.status, await response.json()]).toMatchObject([503, { code: "unavailable" }]);
    const jobs = await fetch(`${bare.url}/v1/jobs`, { headers: { authorization: `Bearer ${league.token}` } });
    expect(jobs.status).toBe(503);
  } finally {
    await bare.dispose();
  }
});
