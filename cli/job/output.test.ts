import { expect, it } from "vitest";
import type { AttemptView, TaskView } from "../../src/model/views.ts";
import { endLine, placeOf } from "./output.ts";

const attempt = (over: Partial<AttemptView>): AttemptView => ({
  epoch: 1,
  node: "n1",
  state: "failed",
  reason: "exit",
  code: 2,
  signal: null,
  message: null,
  ranMs: 5,
  stdoutBytes: 0,
  stderrBytes: 0,
  ...over,
});
const task = (state: TaskView["state"], attempts: AttemptView[]): TaskView => ({
  id: "7k2m4x9p1a.0",
  index: 0,
  cluster: "north",
  state,
  item: null,
  attempts,
});

it("a task that succeeded needs no word", () => {
  expect(endLine(task("succeeded", [attempt({ state: "succeeded", code: 0 })]))).toBeNull();
});

it("a task that did not says how its last attempt ended", () => {
  expect(endLine(task("failed", [attempt({})]))).toBe("failed: exit 2");
  expect(endLine(task("failed", [attempt({}), attempt({ code: 3 })]))).toBe("failed: exit 3, 2 attempts");
  expect(endLine(task("failed", [attempt({ code: null, signal: "SIGKILL", reason: "timeout" })]))).toBe(
    "failed: signal SIGKILL, timeout",
  );
  expect(
    endLine(task("failed", [attempt({ code: null, reason: "start-failed", message: "no such folder: /srv" })])),
  ).toBe("failed: start-failed, no such folder: /srv");
  expect(endLine(task("cancelled", [attempt({ code: null, signal: "SIGTERM", reason: "cancelled" })]))).toBe(
    "cancelled: signal SIGTERM",
  );
  expect(endLine(task("cancelled", []))).toBe("cancelled");
});

it("a task is at its newest attempt's node, or only in a cluster", () => {
  expect(placeOf(task("running", [attempt({}), attempt({ node: "n2" })]))).toBe("north/n2");
  expect(placeOf(task("waiting", []))).toBe("north");
});
