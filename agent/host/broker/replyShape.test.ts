import { expect, test } from "vitest";
import { attemptOf } from "../process/attempt.fixture.ts";
import { retryAfterMs } from "./broker.ts";
import { isJoinReply, isPollReply, problemIn } from "./replyShape.ts";

const reply = {
  session: 1,
  seq: 2,
  renews: ["7k2m.0@1"],
  jobs: { "7k2m": attemptOf({ command: ["a"], cwd: "/x", timeoutMs: 5 }).template },
  assignments: [{ task: "7k2m.0", epoch: 1, item: null }],
  stops: [{ task: "7k2m.1", epoch: 1, graceMs: 0, reason: "cancelled" }],
  acked: [],
  follows: [],
  nextPollMs: 0,
  action: "run",
  wantInventory: false,
};

const template = reply.jobs["7k2m"];
const uri = { value: "http://h/x", executable: false, extract: true, outputFile: null };
const container = {
  ...{ network: "bridge", forcePull: true, hostname: "h", isEntrypoint: true },
  portMappings: [{ hostPort: 31_000, containerPort: 80, protocol: "tcp" }],
  volumes: [{ hostPath: "/a", containerPath: "/b", isReadOnly: true }],
};
const withJob = (more: object) => ({ ...reply, jobs: { "7k2m": { ...template, ...more } } });

test("what a job wants fetched, and how its container is to be, is part of one", () => {
  expect(isPollReply(withJob({ uris: [uri, { ...uri, outputFile: "y" }], container }))).toBe(true);
  expect(isPollReply(withJob({ container: { ...container, network: null, hostname: null } }))).toBe(true);
  const { uris: _, container: __, ...before } = template;
  expect(isPollReply({ ...reply, jobs: { "7k2m": before } })).toBe(true);
});

test("a command without words is for an image that has its own", () => {
  expect(isPollReply(withJob({ command: [], container }))).toBe(true);
  expect(isPollReply(withJob({ command: [], container: { ...container, isEntrypoint: false } }))).toBe(false);
});

test("a whole reply is one", () => {
  expect(isPollReply(reply)).toBe(true);
  expect(isPollReply({ ...reply, credential: "hnc_x" })).toBe(true);
  const assignment = { task: "7k2m.0", epoch: 1, item: null, devices: [0, 3], ports: [31_000] };
  expect(isPollReply({ ...reply, assignments: [assignment] })).toBe(true);
});

test.each([
  [null],
  ["<html>"],
  [[]],
  [{}],
  [{ ok: true }],
  [{ ...reply, seq: "2" }],
  [{ ...reply, action: "dance" }],
  [{ ...reply, nextPollMs: -1 }],
  [{ ...reply, renews: [1] }],
  [{ ...reply, assignments: [{ task: "../../etc", epoch: 1, item: null }] }],
  [{ ...reply, assignments: [{ task: "7k2m.0", epoch: 0.5, item: null }] }],
  [{ ...reply, assignments: [{ task: "7k2m.0", epoch: 1, item: null, devices: "0" }] }],
  [{ ...reply, assignments: [{ task: "7k2m.0", epoch: 1, item: null, devices: ["$(reboot)"] }] }],
  [{ ...reply, assignments: [{ task: "7k2m.0", epoch: 1, item: null, ports: [0] }] }],
  [{ ...reply, assignments: [{ task: "7k2m.0", epoch: 1, item: null, ports: [65_536] }] }],
  [{ ...reply, jobs: { "7k2m": { ...reply.jobs["7k2m"], command: [] } } }],
  [{ ...reply, jobs: { "7k2m": { ...reply.jobs["7k2m"], env: { A: 1 } } } }],
  [withJob({ uris: "http://h/x" })],
  [withJob({ uris: ["http://h/x"] })],
  [withJob({ uris: [{ ...uri, extract: "no" }] })],
  [withJob({ uris: [{ ...uri, outputFile: 7 }] })],
  [withJob({ container: "busybox" })],
  [withJob({ container: { ...container, network: "weave" } })],
  [withJob({ container: { ...container, portMappings: [{ hostPort: 0, containerPort: 80, protocol: "tcp" }] } })],
  [withJob({ container: { ...container, volumes: [{ hostPath: "/a" }] } })],
])("%j is none", (value) => {
  expect(isPollReply(value)).toBe(false);
});

test("a portal's JSON is neither a join nor a problem", () => {
  expect(isJoinReply({ login: "please" })).toBe(false);
  expect(isJoinReply({ league: "l", cluster: "c", node: "n", credential: "x" })).toBe(true);
  expect(problemIn({ error: "denied" })).toBeNull();
  expect(problemIn({ status: 416, code: "offset-mismatch", detail: "", data: { offset: 3 } })?.offset).toBe(3);
});

test("Retry-After is seconds or a date beside the answer's own, whatever our clock says", () => {
  expect(retryAfterMs({ headers: { "retry-after": "3" } })).toBe(3000);
  const headers = { date: "Mon, 02 Jan 2006 15:04:05 GMT", "retry-after": "Mon, 02 Jan 2006 15:04:15 GMT" };
  expect(retryAfterMs({ headers })).toBe(10_000);
  expect(retryAfterMs({ headers: {} })).toBeNull();
});
