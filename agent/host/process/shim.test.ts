import { spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { uptimeMs } from "../clock.ts";
import { attemptOf } from "./attempt.fixture.ts";
import { parseRun } from "./runFile.ts";
import { baseEnvironment, shimArguments, shimText } from "./shim.ts";

const { template } = attemptOf({ command: "echo {}" });

test("a string runs in sh with its item quoted", () => {
  expect(shimArguments({ template, item: "it's", deadlineMs: null }, "boot")).toEqual([
    "boot",
    "",
    "work",
    "0",
    "sh",
    "-c",
    "echo 'it'\\''s'",
  ]);
});

test("a list runs as it is, with its deadline in hundredths of a second, its folder and its environment", () => {
  const job = { ...template, command: ["make", "all"], cwd: "/srv", env: { A: "1", HANSA_NODE: "forged" } };
  expect(shimArguments({ template: job, item: null, deadlineMs: 12_345 }, "boot")).toEqual([
    "boot",
    "1234",
    "/srv",
    "1",
    "A=1",
    "make",
    "all",
  ]);
});

test("the environment names the task, and an item only when there is one", () => {
  const place = { league: "l", cluster: "c", node: "n" };
  const environment = baseEnvironment({ task: "7k2m.3", epoch: 5, item: null }, place, "/home", "nobody");
  expect(environment).toMatchObject({ HANSA_JOB: "7k2m", HANSA_INDEX: "3", HANSA_TASK: "7k2m.3", HANSA_EPOCH: "5" });
  expect(environment).not.toHaveProperty("HANSA_ITEM");
  expect(baseEnvironment({ task: "7k2m.3", epoch: 5, item: "" }, place, "/home", "nobody")).toMatchObject({
    HANSA_ITEM: "",
  });
});

test("without a cgroup the shim does not touch its descriptor", () => {
  expect(shimText({ cgroup: false, resetOomScore: false })).not.toContain(">&4");
  expect(shimText({ cgroup: true, resetOomScore: true })).toContain("oom_score_adj");
});

describe("the shim in a real shell", () => {
  let folder: string;
  const run = (deadlineMs: number | null, runFile: string) => {
    const opened = ["stdout", runFile, "stderr"].map((name) => openSync(join(folder, name), "a"));
    const attempt = attemptOf({ command: "touch ran" }, { deadlineMs });
    spawnSync(
      "/bin/sh",
      ["-c", shimText({ cgroup: false, resetOomScore: false }), "sh", ...shimArguments(attempt, "b")],
      {
        cwd: folder,
        stdio: ["ignore", ...opened],
      },
    );
    for (const fd of opened) closeSync(fd);
    return {
      ran: existsSync(join(folder, "work", "ran")),
      told: parseRun(readFileSync(join(folder, runFile), "utf8")),
    };
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "hansa-shim-"));
    mkdirSync(join(folder, "work"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("runs the command in front of its deadline", () => {
    expect(run(uptimeMs() + 60_000, "run")).toMatchObject({ ran: true, told: { exit: { code: 0 }, late: false } });
  });

  test("does not run it past the deadline", () => {
    expect(run(uptimeMs(), "run")).toMatchObject({ ran: false, told: { exit: null, late: true } });
  });

  test("does not run it when an agent has given the start up meanwhile", () => {
    expect(run(null, "run.void")).toMatchObject({
      ran: false,
      told: { exit: null, late: false, start: { boot: "b" } },
    });
  });
});
