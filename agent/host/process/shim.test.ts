import { spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { shellQuote } from "../../../src/model/command.ts";
import { uptimeMs } from "../clock.ts";
import { attemptOf } from "./attempt.fixture.ts";
import { parseRun } from "./runFile.ts";
import { jobLine, shimText, taskText } from "./shim.ts";

const script = (job: Parameters<typeof attemptOf>[0], item: string | null = null) =>
  jobLine(attemptOf(job, { task: "7k2m.3", epoch: 5, item }), "/home/x", false);

test("a string runs in sh by its path, with its item quoted for that shell", () => {
  const command = `echo ${shellQuote("it's")}`;
  expect(script({ command: "echo {}" }, "it's")).toContain(`exec '/bin/sh' '-c' ${shellQuote(command)}`);
});

test("a list runs as it is, in its folder", () => {
  const text = script({ command: ["make", "all"], cwd: "/srv/it's" });
  expect(text).toContain("exec 'make' 'all'");
  expect(text).toContain(`cd ${shellQuote("/srv/it's")} || exit 126;`);
});

test("a job's environment can't change what names the task, and there is an item only if it has one", () => {
  const text = script({ env: { A: "1", HANSA_NODE: "forged", HANSA_EPOCH: "9" } });
  expect(text).toContain("export A='1';");
  expect(text).not.toContain("HANSA_NODE");
  expect(text).toContain("export HANSA_EPOCH='5';");
  expect(text).not.toContain("HANSA_ITEM");
  expect(script({}, "")).toContain("export HANSA_ITEM='';");
});

test("a task of a gang knows its gang and its place in it; one by itself has neither", () => {
  const text = script({ gang: { size: 2, holdMs: 1000 } });
  expect(text).toContain("export HANSA_GANG='1';");
  expect(text).toContain("export HANSA_GANG_SIZE='2';");
  expect(text).toContain("export HANSA_GANG_RANK='1';");
  expect(script({})).not.toContain("HANSA_GANG");
});

test("the shim enters a cgroup for each descriptor that it was given", () => {
  expect(shimText({ cgroups: 0, resetOomScore: false })).not.toContain(">&5");
  expect(shimText({ cgroups: 2, resetOomScore: true })).toMatch(/echo 0 >&5 .*\nexec 5>&-\necho 0 >&6 .*\nexec 6>&-\n/);
});

describe("the shim in a real shell", () => {
  let folder: string;
  const taskOf = (job: Parameters<typeof attemptOf>[0], deadlineMs: number | null = null) => {
    const attempt = attemptOf(job, { deadlineMs });
    return taskText(attempt, jobLine(attempt, folder, false));
  };
  const task = (deadlineMs: number | null) => taskOf({ command: "touch ran" }, deadlineMs);
  const run = (input: string, runFile: string) => {
    const opened = ["stdout", runFile, "stderr", "told"].map((name) => openSync(join(folder, name), "a"));
    spawnSync("/bin/sh", ["-s", "b"], {
      cwd: folder,
      input: `${shimText({ cgroups: 0, resetOomScore: false })}${input}`,
      stdio: ["pipe", ...opened],
    });
    for (const fd of opened) closeSync(fd);
    return {
      ran: existsSync(join(folder, "work", "ran")),
      told: parseRun(readFileSync(join(folder, runFile), "utf8")),
      ends: readFileSync(join(folder, "told"), "utf8").length,
    };
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "hansa-shim-"));
    mkdirSync(join(folder, "work"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("runs the command in front of its deadline", () => {
    expect(run(task(uptimeMs() + 60_000), "run")).toMatchObject({
      ran: true,
      told: { exit: { code: 0 }, late: false },
      ends: 1,
    });
  });

  test("waits for the next task, which finds nothing of the one before it", () => {
    const first = taskOf({ command: ["touch", "first"], env: { A: "1" } });
    const second = taskOf({ command: "echo $A >second; touch ran" });
    expect(run(`${first}${second}`, "run")).toMatchObject({ ran: true, ends: 2 });
    expect(readFileSync(join(folder, "work", "second"), "utf8")).toBe("\n");
  });

  test("starts nothing of a task whose text breaks off", () => {
    const text = task(null);
    for (let length = 1; length < text.length - 1; length += 7)
      expect(run(text.slice(0, length), "run")).toMatchObject({ ran: false, told: { start: null }, ends: 0 });
  });

  test("does not run it past the deadline", () => {
    expect(run(task(uptimeMs()), "run")).toMatchObject({ ran: false, told: { exit: null, late: true } });
  });

  test("without an agent waits for nothing and starts nothing", () => {
    expect(run("", "run")).toMatchObject({ ran: false, told: { start: null, exit: null } });
  });

  test("does not run it when an agent has given the start up meanwhile", () => {
    expect(run(task(null), "run.void")).toMatchObject({
      ran: false,
      told: { exit: null, late: false, start: { boot: "b" } },
    });
  });
});
