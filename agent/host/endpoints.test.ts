import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { expect, test } from "vitest";
import { answerTo, isOwnName, parseEndpoint, serveEndpoints } from "./endpoints.ts";
import type { AgentStatus } from "./status.ts";

const status = (turning = true): AgentStatus => ({
  version: "1",
  pid: 1,
  ...{ node: "n1", cluster: 'no"rth', league: "lab", url: "http://127.0.0.1", data: "/d", runAs: "nobody" },
  isolation: "cgroup",
  session: 3,
  action: "run",
  loop: { turning, progressAgoMs: turning ? 100 : 30_000 },
  polls: { answers: 5, failures: 2, answeredAgoMs: null, lastFailure: null },
  guard: { alive: true, pid: 2 },
  wake: false,
  pressure: ["disk"],
  draining: false,
  journalBytes: 10,
  uploadsWaiting: 0,
  attempts: [{ key: "a.0@1", phase: "running", pid: 3, deadlineInMs: null }],
});
const port = (address: AddressInfo | string | null) => (typeof address === "object" && address ? address.port : 0);

test("only loopback is listened on", () => {
  expect(parseEndpoint("127.0.0.1:9464")).toEqual({ host: "127.0.0.1", port: 9464 });
  expect(parseEndpoint("127.8.9.1:0")).toEqual({ host: "127.8.9.1", port: 0 });
  expect(parseEndpoint("[::1]:9464")).toEqual({ host: "::1", port: 9464 });
  expect(parseEndpoint("localhost:1")).toEqual({ host: "127.0.0.1", port: 1 });
  expect(parseEndpoint(":1")).toEqual({ host: "127.0.0.1", port: 1 });
  for (const wrong of ["0.0.0.0:1", "[::]:1", "10.0.0.1:1", "127.example.org:1", "127.0.0.1", "x:1", "127.0.0.1:70000"])
    expect(parseEndpoint(wrong), wrong).toBe(null);
});

test("a name that somebody else points at loopback is not ours", () => {
  for (const own of ["127.0.0.1:9464", "localhost", "[::1]:5"]) expect(isOwnName(own), own).toBe(true);
  for (const other of ["evil.example:9464", "127.0.0.1.evil.example", undefined]) expect(isOwnName(other)).toBe(false);
});

test("health is whether the loop turns", () => {
  expect(answerTo("GET", "/healthz", () => status())).toMatchObject({ code: 200 });
  expect(answerTo("GET", "/healthz", () => status(false))).toMatchObject({
    code: 503,
    body: "the loop stands still for 30 s\n",
  });
  expect(answerTo("POST", "/healthz", () => status())).toMatchObject({ code: 405 });
  expect(answerTo("GET", "/", () => status())).toMatchObject({ code: 404 });
});

test("figures are lines of Prometheus' format, and one that is not known is absent", () => {
  const { body } = answerTo("GET", "/metrics", () => status());
  const lines = body.trimEnd().split("\n");
  for (const line of lines)
    expect(line).toMatch(/^(# (HELP|TYPE) hansa_agent_\w+ .+|hansa_agent_\w+(\{.+\})? \d+(\.\d+)?)$/);
  expect(lines).toContain('hansa_agent_info{version="1",node="n1",cluster="no\\"rth",league="lab"} 1');
  expect(lines).toContain('hansa_agent_polls_total{outcome="failed"} 2');
  expect(lines).toContain('hansa_agent_pressure{reason="disk"} 1');
  expect(lines).toContain('hansa_agent_pressure{reason="mem"} 0');
  expect(lines).toContain('hansa_agent_attempts{phase="running"} 1');
  expect(body).not.toContain("poll_age");
});

test("serves on loopback what `status` says, and nothing to a strange name", async () => {
  const server = await serveEndpoints(
    { host: "127.0.0.1", port: 0 },
    () => status(),
    () => {},
  );
  await once(server, "listening");
  const url = `http://127.0.0.1:${port(server.address())}`;
  expect(await fetch(`${url}/status?x=1`).then((response) => response.json())).toEqual(status());
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  server.close();
});

test("a port that is taken is told, and the agent goes on", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const told = Promise.withResolvers<string>();
  await serveEndpoints(
    { host: "127.0.0.1", port: port(other.address()) },
    () => status(),
    (_, message) => told.resolve(message),
  );
  expect(await told.promise).toMatch(/EADDRINUSE|in use/);
  other.close();
});
