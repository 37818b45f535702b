/** The guard and containers: dead at their deadline without an agent, whatever the agent had the time to write down. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { IMAGE, Podman } from "../../../test/support/podman.ts";
import { endAllOf, lives, until } from "../../../test/system/processes.ts";
import { bootId, uptimeMs } from "../clock.ts";
import { Guard } from "../guard/guard.ts";
import { attemptOf } from "../process/attempt.fixture.ts";
import { makePassable, readRun } from "../process/folder.ts";
import { DEFAULT_LIMITS } from "../process/limits.ts";
import { CONTAINER_LINE } from "../process/runFile.ts";
import { taskUser } from "../process/user.ts";
import { DockerApi } from "./api.ts";
import { DockerDriver } from "./driver.ts";
import { containerName } from "./spec.ts";

const DATA = "0badcafe";
const KEY = "7k2m.0@1";
const DEADLINE_MS = 6000;
/** What ignores TERM is killed by the guard this much before the deadline, at the latest. */
const DEAF = "trap '' TERM; touch up; while :; do touch alive; sleep 0.05; done";
const user = taskUser(null);

let podman: Podman;
let root: string;
let tasks: string;
let run: string;

beforeAll(async () => {
  podman = await Podman.start();
}, 300_000);
afterAll(() => podman?.end(), 60_000);

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "hansa-guard-"));
  chmodSync(root, 0o711);
  tasks = join(root, "tasks");
  run = join(root, "run");
  makePassable(tasks, user);
});

afterEach(async () => {
  const driver = newDriver();
  await driver.sweep(new Set());
  await driver.close();
  await endAllOf(root);
  rmSync(root, { recursive: true, force: true });
}, 60_000);

const newDriver = () =>
  new DockerDriver({
    ...{ tasks, user, data: DATA, boot: bootId(), place: { league: "l", cluster: "c", node: "n" } },
    ...{
      socket: () => ({ path: podman.socket }),
      hidesGpus: false,
      limits: DEFAULT_LIMITS,
      nvidia: false,
      volumes: [],
      log: () => {},
    },
    ...{ started: () => {}, startFailed: () => {}, exited: () => {} },
  });

/** A container with a guard, whose agent was killed. @returns when it must be dead, and the pid of its first process */
async function guarded(command: string, termInMs: number): Promise<{ deadlineMs: number; pid: number }> {
  const script = join(import.meta.dirname, "starter.fixture.ts");
  const words = [
    podman.socket,
    tasks,
    DATA,
    JSON.stringify({ image: IMAGE, command }),
    run,
    String(termInMs),
    String(DEADLINE_MS),
  ];
  const agent: ChildProcess = spawn(process.execPath, [script, ...words], {
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  const startedAtMs = uptimeMs();
  const [said] = await once(agent.stdout ?? agent, "data");
  expect(String(said)).toBe(`${KEY}\n`);
  process.kill(-(agent.pid ?? 0), "SIGKILL");
  const pid = readRun(join(tasks, KEY))?.start?.pid ?? 0;
  expect(lives(pid)).toBe(true);
  await until("it works", () => existsSync(join(tasks, KEY, "work", "up")));
  // the agent took its deadline later than this test looked at the clock, by the time that it took to come up
  return { deadlineMs: startedAtMs + DEADLINE_MS + 3000, pid };
}

test("a container that ignores TERM is dead by its deadline, its agent killed", async () => {
  const { deadlineMs, pid } = await guarded(DEAF, 500);
  await until("it is dead", () => !lives(pid), DEADLINE_MS + 3000);
  expect(uptimeMs()).toBeLessThan(deadlineMs);
  await until("the daemon knows", async () => (await newDriver().recover(KEY)).is === "ended");
  expect(await newDriver().recover(KEY)).toMatchObject({ is: "ended", exit: { byGuard: true, signal: "SIGKILL" } });
}, 30_000);

test("it is told by TERM first", async () => {
  const { pid } = await guarded("trap 'echo told; exit 3' TERM; touch up; while :; do sleep 0.05; done", 500);
  await until("it is dead", () => !lives(pid), DEADLINE_MS + 3000);
  await until("the daemon knows", async () => (await newDriver().recover(KEY)).is === "ended");
  expect(await newDriver().recover(KEY)).toMatchObject({ exit: { byGuard: true, code: 3 } });
  expect(readFileSync(join(tasks, KEY, "stdout"), "utf8")).toBe("told\n");
}, 30_000);

test("its agent died before it could write down the container's process: it is found by the folder it works in", async () => {
  const { deadlineMs, pid } = await guarded(DEAF, 4000);
  writeFileSync(join(tasks, KEY, "run"), CONTAINER_LINE);
  await until("it is dead", () => !lives(pid), DEADLINE_MS + 3000);
  expect(uptimeMs()).toBeLessThan(deadlineMs);
}, 30_000);

test("made and not started, it can't be started any more once its deadline is past", async () => {
  const driver = newDriver();
  const guard = new Guard({ run: root, tasks, cgroups: null, uid: user.uid, boot: bootId(), log: () => {} });
  expect(await guard.ready()).toBe(true);
  // past its deadline the driver makes it and does not start it
  const attempt = attemptOf({ driver: "docker", image: IMAGE, command: "touch ran" }, { deadlineMs: 1 });
  driver.start(attempt);
  const api = new DockerApi(podman.socket);
  const name = containerName(DATA, KEY);
  await until("it is made", () => podman.containers().includes(name));
  guard.setDeadlines([{ key: KEY, deadlineMs: 1, termAtMs: 1, stopAfterMs: 30_000 }]);
  await until("the gate is closed", () => existsSync(join(tasks, KEY, "closed")));
  await expect(api.call({ method: "POST", path: `/containers/${name}/start` })).rejects.toThrow(/no such file/);
  expect(existsSync(join(tasks, KEY, "closed", "ran"))).toBe(false);
  await driver.close();
}, 30_000);

test("a container of another attempt, also with the same pid in its file as of old, is left alone", async () => {
  const { pid } = await guarded(DEAF, 60_000);
  const other = "7k2m.1@1";
  const folder = join(tasks, other);
  makePassable(folder, user);
  makePassable(join(folder, "work"), user);
  // its process started after the time in the file: it is another one with the number
  writeFileSync(join(folder, "run"), `${CONTAINER_LINE}start ${pid} 1.00 ${bootId()}\n`);
  const unnamed = "7k2m.2@1";
  makePassable(join(tasks, unnamed), user);
  makePassable(join(tasks, unnamed, "work"), user);
  writeFileSync(join(tasks, unnamed, "run"), CONTAINER_LINE);
  const guard = new Guard({ run, tasks, cgroups: null, uid: user.uid, boot: bootId(), log: () => {} });
  guard.setDeadlines([other, unnamed].map((key) => ({ key, deadlineMs: 1, termAtMs: 1, stopAfterMs: 30_000 })));
  await until("both were looked at", () => existsSync(join(tasks, unnamed, "closed")));
  const { atMs = 0 } = guard.beat ?? {};
  await until("once more", () => guard.check() && (guard.beat?.atMs ?? 0) > atMs + 1000);
  expect(lives(pid)).toBe(true);
  expect(existsSync(join(folder, "guard"))).toBe(false);
}, 30_000);
