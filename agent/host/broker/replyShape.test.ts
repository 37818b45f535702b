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
