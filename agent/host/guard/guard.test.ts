import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { until } from "../../../test/support/until.ts";
import { bootId, uptimeMs } from "../clock.ts";
import { Cgroups, openCgroups } from "../process/cgroups.ts";
import { ProcessDriver } from "../process/driver.ts";
import { makePassable } from "../process/folder.ts";
import { taskUser } from "../process/user.ts";
import { isAlive, statOf } from "../procfs.ts";
import { parseBeat } from "./beat.ts";
import { Guard } from "./guard.ts";
import { GUARD_SCRIPT, SHUTDOWN_COMMAND } from "./script.ts";

const user = taskUser(null);
const HASH = `test-guard-${process.pid}`;
const found = openCgroups(HASH, user);
const modes: [string, Cgroups | null][] = [["process group only", null]];
if (found instanceof Cgroups) modes.push(["cgroup", found]);

const dead = (pid: number) => ["Z", "X", undefined].includes(statOf(pid)?.state);

describe.each(modes)("the guard (%s)", (_name, cgroups) => {
  let root: string;
  let run: string;
  let tasks: string;
  let agents: ChildProcess[];
  let guards: Guard[];

  const newGuard = (): Guard => {
    const guard = new Guard({ run, tasks, cgroups, uid: user.uid, boot: bootId(), log: () => {} });
    guards.push(guard);
    return guard;
  };
  const newDriver = () =>
    new ProcessDriver({
      tasks,
      cgroups,
      user,
      boot: bootId(),
      place: { league: "l", cluster: "c", node: "n" },
      hidesGpus: false,
      log: () => {},
      started: () => {},
      startFailed: () => {},
      exited: () => {},
    });

  /** An agent that runs `command` until a deadline. @returns it and the pid of the guard */
  const guarded = async (command: string, termInMs: number, deadlineInMs: number): Promise<[ChildProcess, number]> => {
    const script = join(import.meta.dirname, "guarded.fixture.ts");
    const args = [script, tasks, run, cgroups ? HASH : "", command, String(termInMs), String(deadlineInMs)];
    const agent = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"], detached: true });
    agents.push(agent);
    const [line] = await once(agent.stdout, "data");
    return [agent, Number(line)];
  };
  const pidOf = async (name: string): Promise<number> => {
    const path = join(tasks, "7k2m.0@1", "work", name);
    await until(() => existsSync(path) && readFileSync(path, "utf8").endsWith("\n"));
    return Number(readFileSync(path, "utf8"));
  };

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "hansa-guard-"));
    chmodSync(root, 0o711);
    run = join(root, "run");
    mkdirSync(run);
    tasks = join(root, "tasks");
    makePassable(tasks, user);
    agents = [];
    guards = [];
  });

  afterEach(async () => {
    for (const agent of agents) if (agent.pid !== undefined && !dead(agent.pid)) agent.kill("SIGKILL");
    await newGuard().end();
    await newDriver().sweep(new Set());
    rmSync(root, { recursive: true, force: true });
  });

  afterAll(() => cgroups?.removeAll());

  test("kills by the deadline what ignores TERM, while its agent is stopped", async () => {
    const [agent] = await guarded("trap '' TERM; echo $$ >pid; while :; do sleep 0.05; done", 500, 5000);
    const deadlineMs = uptimeMs() + 5000;
    const pid = await pidOf("pid");
    agent.kill("SIGSTOP");
    await until(() => dead(pid));
    expect(uptimeMs()).toBeLessThan(deadlineMs);
    let ended = await newDriver().recover("7k2m.0@1");
    while (ended.is === "running") ended = await newDriver().recover("7k2m.0@1");
    expect(ended).toMatchObject({ is: "ended", exit: { byGuard: true, signal: "SIGKILL" } });
  }, 20_000);

  test("sends TERM first, also when the agent and all of its group were killed", async () => {
    const command = "trap 'echo told >told; exit 3' TERM; echo $$ >pid; while :; do sleep 0.05; done";
    const [agent, guardPid] = await guarded(command, 300, 30_000);
    const pid = await pidOf("pid");
    process.kill(-(agent.pid ?? 0), "SIGKILL");
    await until(() => dead(pid));
    expect(dead(guardPid)).toBe(false);
    expect(existsSync(join(tasks, "7k2m.0@1", "work", "told"))).toBe(true);
    let ended = await newDriver().recover("7k2m.0@1");
    while (ended.is === "running") ended = await newDriver().recover("7k2m.0@1");
    expect(ended).toMatchObject({ is: "ended", exit: { byGuard: true, code: 3 } });
  }, 20_000);

  test("does not call its own the end of a task that was over before, but ends its shim", async () => {
    const [agent] = await guarded("echo $PPID >pid; exit 4", 500, 5000);
    const shim = await pidOf("pid");
    agent.kill("SIGSTOP");
    await until(() => dead(shim));
    const ended = await newDriver().recover("7k2m.0@1");
    expect(ended).toMatchObject({ is: "ended", exit: { code: 4 } });
    expect(ended).not.toHaveProperty("exit.byGuard");
  }, 20_000);

  test("leaves a process alone that has the number of a dead one", async () => {
    const guard = newGuard();
    const stranger = spawn("sleep", ["60"], { detached: true, stdio: "ignore", ...user.ids });
    const pid = stranger.pid ?? 0;
    mkdirSync(join(tasks, "7k2m.1@1"));
    const before = (statOf(pid)?.startedMs ?? 0) - 10;
    const seen = `${Math.floor(before / 1000)}.${String((before % 1000) / 10).padStart(2, "0")}`;
    writeFileSync(join(tasks, "7k2m.1@1", "run"), `cgroup -\nstart ${pid} ${seen} ${bootId()}\n`);
    guard.setDeadlines([{ key: "7k2m.1@1", deadlineMs: 1, termAtMs: 1, stopAfterMs: 30_000 }]);
    expect(await guard.ready()).toBe(true);
    const first = guard.beat?.atMs ?? 0;
    await until(() => guard.check() && (guard.beat?.atMs ?? 0) > first);
    expect(dead(pid)).toBe(false);
    stranger.kill("SIGKILL");
  }, 20_000);

  test("is started anew when it was killed, and not twice while it lives", async () => {
    const guard = newGuard();
    expect(await guard.ready()).toBe(true);
    const first = guard.beat;
    const second = newGuard();
    expect(await second.ready()).toBe(true);
    expect(second.beat?.pid).toBe(first?.pid);
    process.kill(first?.pid ?? 0, "SIGKILL");
    await until(() => dead(first?.pid ?? 0));
    expect(second.check()).toBe(false);
    expect(await second.ready()).toBe(true);
    expect(second.beat?.pid).not.toBe(first?.pid);
  }, 20_000);

  test("keeps the deadlines of the agent before", () => {
    newGuard().setDeadlines([{ key: "7k2m.0@1", deadlineMs: 1e9, termAtMs: 1e9 - 15_000, stopAfterMs: 30_000 }]);
    expect(newGuard().entries.get("7k2m.0@1")).toEqual({ termAtMs: 1e9 - 15_000, killAtMs: 1e9 - 3000 });
  });

  test("ends when told", async () => {
    const guard = newGuard();
    await guard.ready();
    const { pid = 0, atMs = 0 } = guard.beat ?? {};
    expect(isAlive(pid, atMs)).toBe(true);
    await guard.end();
    expect(dead(pid)).toBe(true);
  });
});

describe.skipIf(process.getuid?.() !== 0)("when systemd ends all that runs, to shut down", () => {
  test("goes when nothing of what it watches over lives, and by no TERM before", () => {
    const root = mkdtempSync(join(tmpdir(), "hansa-guard-"));
    // process 1 of a namespace, under the name that it has then; the guard and a task are its children
    const script = `
      cd "$0" && mkdir -p run tasks/7k2m.0@1
      sleep 60 & task=$!
      read -r up _ </proc/uptime
      printf 'cgroup -\\nstart %s %s b1\\n' $task $up >tasks/7k2m.0@1/run
      printf 'agent 1 0 b1\\n99999999999 99999999999 7k2m.0@1\\n' >run/deadlines
      "$@" & guard=$!
      until [ -s run/beat ]; do sleep 0.05; done
      look() { sleep 1.5; [ "$(cut -d ' ' -f 3 /proc/$guard/stat)" != Z ] && echo "$1"; }
      kill -s TERM $guard; look stays
      printf ${SHUTDOWN_COMMAND} >/proc/$$/comm
      kill -s TERM $guard; look watches
      kill -s KILL $task; wait $guard; echo gone $?`;
    const guard = ["/bin/sh", "-c", GUARD_SCRIPT, "hansa-guard", join(root, "run"), join(root, "tasks"), "", "0", "v"];
    const words = ["--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", script, root, ...guard];
    const { stdout, stderr } = spawnSync("unshare", words, {
      encoding: "utf8",
      timeout: 15_000,
      killSignal: "SIGKILL",
    });
    rmSync(root, { recursive: true, force: true });
    expect(stdout, stderr).toBe("stays\nwatches\ngone 0\n");
  }, 20_000);
});

test("a beat that is half written is none", () => {
  expect(parseBeat("12 34 abc")).toBeNull();
  expect(parseBeat("12 34 abc\n")).toEqual({ pid: 12, atMs: 340, version: "abc" });
});
