/** An attempt for tests: everything is plain unless said otherwise. */
import type { Template } from "../../../src/model/job.ts";
import type { Attempt } from "../../core/types.ts";

export function attemptOf(
  job: Partial<Template>,
  more: Partial<Pick<Attempt, "task" | "epoch" | "item" | "deadlineMs" | "devices" | "ports">> = {},
): Attempt {
  const { task = "7k2m.0", epoch = 1, item = null, deadlineMs = null, devices = [], ports = [] } = more;
  return {
    key: `${task}@${epoch}`,
    task,
    epoch,
    item,
    devices,
    ports,
    used: null,
    machine: null,
    after: null,
    boot: "",
    phase: "starting",
    deadlineMs,
    notBeforeMs: 0,
    aloneAtMs: null,
    startedAtMs: null,
    stopReason: null,
    end: null,
    template: {
      name: "",
      command: "true",
      env: {},
      cwd: null,
      resources: {},
      constraints: [],
      preferences: [],
      apart: [],
      spread: [],
      ports: [],
      gang: null,
      role: "default",
      priority: 50,
      driver: "process",
      container: null,
      uris: [],
      image: null,
      retryMax: 0,
      retryBackoffMs: 0,
      timeoutMs: null,
      stopGraceMs: 10_000,
      stopAfterMs: null,
      lostAfterMs: null,
      copies: "at-most-one",
      ...job,
    },
  };
}
