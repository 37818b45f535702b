import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { Template } from "../../../src/model/job.ts";
import { IMAGE, Podman } from "../../../test/support/podman.ts";
import { lives, until } from "../../../test/system/processes.ts";
import type { Attempt, Exit } from "../../core/types.ts";
import { bootId, uptimeMs } from "../clock.ts";
import { attemptOf } from "../process/attempt.fixture.ts";
import { makePassable, readRun } from "../process/folder.ts";
import { DEFAULT_LIMITS } from "../process/limits.ts";
import { taskUser } from "../process/user.ts";
import { DockerApi } from "./api.ts";
import { DockerDriver } from "./driver.ts";
import { copyOutput } from "./output.ts";
import { containerName } from "./spec.ts";
import type { AllowedVolume } from "./volumes.ts";

const DATA = "0badcafe";
const KEY = "7k2m.0@1";
const NAME = containerName(DATA, KEY);
const user = taskUser(null);

type Told = { started: string } | { failed: string; nodeFault: boolean } | { exited: string; exit: Exit };

let podman: Podman;
let root: string;
let tasks: string;
let drivers: DockerDriver[];
let agents: ChildProcess[];
/** what the drivers told and nobody took yet */
let told: Told[];

beforeAll(async () => {
  podman = await Podman.start();
}, 300_000);
afterAll(() => podman?.end(), 60_000);

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "hansa-docker-"));
  chmodSync(root, 0o711);
  tasks = join(root, "tasks");
  makePassable(tasks, user);
  drivers = [];
  agents = [];
  told = [];
});

afterEach(async () => {
  podman.thaw();
  for (const agent of agents) agent.kill("SIGKILL");
  const last = newDriver();
  await last.sweep(new Set());
  for (const driver of drivers) await driver.close();
  rmSync(root, { recursive: true, force: true });
  expect(podman.containers()).toEqual([]);
}, 60_000);

function newDriver(
  data = DATA,
  goneMs = 600_000,
  socket = podman.socket,
  volumes: readonly AllowedVolume[] = [],
): DockerDriver {
  const driver = new DockerDriver({
    ...{ tasks, user, data, boot: bootId(), place: { league: "lab", cluster: "north", node: "n1" } },
    ...{
      socket: () => ({ path: socket }),
      hidesGpus: false,
      limits: DEFAULT_LIMITS,
      nvidia: false,
      volumes,
      log: () => {},
    },
    ...{ askMs: 1000, goneMs },
    started: (key) => told.push({ started: key }),
    startFailed: (_key, message, nodeFault = false) => told.push({ failed: message, nodeFault }),
    exited: (key, exit) => told.push({ exited: key, exit }),
  });
  drivers.push(driver);
  return driver;
}

async function next(): Promise<Told> {
  await until("something is told", () => told.length > 0);
  return told.shift() as Told;
}

async function exit(): Promise<Exit> {
  for (;;) {
    const one = await next();
    if ("exit" in one) return one.exit;
    if ("failed" in one) throw new Error(one.failed);
  }
}

const job = (
  command: string | string[],
  rest: Partial<Template> = {},
  more: Parameters<typeof attemptOf>[1] = {},
): Attempt =>
  attemptOf({ driver: "docker", image: IMAGE, resources: { cpus: 100, mem: 64_000 }, command, ...rest }, more);
const output = (stream: "stdout" | "stderr") => readFileSync(join(tasks, KEY, stream), "utf8");
const work = (file: string) => join(tasks, KEY, "work", file);
const text = (file: string) => (existsSync(work(file)) ? readFileSync(work(file), "utf8") : "");

/** Starts KEY by an agent that is then killed. */
async function startedByDeadAgent(command: string): Promise<void> {
  const script = join(import.meta.dirname, "starter.fixture.ts");
  const agent = spawn(process.execPath, [script, podman.socket, tasks, DATA, JSON.stringify(job(command).template)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  agents.push(agent);
  await once(agent.stdout, "data");
  agent.kill("SIGKILL");
  await once(agent, "exit");
}

test("runs a command in its own folder as the tasks' user, and tells code, times and output", async () => {
  newDriver().start(
    job('pwd; id -u; echo "$HANSA_TASK $HOME $GREETING"; echo oops >&2; touch mine; exit 41', {
      env: { GREETING: "hello" },
    }),
  );
  expect(await next()).toEqual({ started: KEY });
  const end = await exit();
  expect(end).toMatchObject({ code: 41, signal: null, stderr: { size: 5 } });
  expect(end.ranMs).toBeGreaterThanOrEqual(0);
  expect(output("stdout")).toBe(`/hansa/work\n${user.uid}\n7k2m.0 /hansa/work hello\n`);
  expect(end.stdout.size).toBe(output("stdout").length);
  expect(existsSync(work("mine"))).toBe(true);
});

test("is as its job wants it: network, name, words for the image's own program, and folders that its owner allows", async () => {
  const shared = join(root, "shared");
  mkdirSync(shared);
  chmodSync(shared, 0o777);
  writeFileSync(join(shared, "data"), "of the node\n");
  const container = {
    ...({ network: "none", forcePull: false, hostname: "box", portMappings: [], isEntrypoint: false } as const),
    volumes: [{ hostPath: shared, containerPath: "/data", isReadOnly: true }],
  };
  const command =
    "cat /data/data /proc/sys/kernel/hostname; grep -c : /proc/net/dev; echo x >/data/mine || echo closed";
  newDriver().start(job(command, { container }));
  expect(await next()).toEqual({
    ...{ failed: `volume ${shared}: this node's owner allows no folders of the node in containers (--volumes)` },
    nodeFault: false,
  });
  rmSync(join(tasks, KEY), { recursive: true });
  newDriver(DATA, 600_000, podman.socket, [{ folder: shared, isReadOnly: true }]).start(job(command, { container }));
  expect(await exit()).toMatchObject({ code: 0 });
  expect(output("stdout")).toBe("of the node\nbox\n1\nclosed\n");
});

test("without a command of its own the image's is run", async () => {
  const container = {
    ...{ network: null, forcePull: false, hostname: null, portMappings: [], volumes: [], isEntrypoint: true },
  };
  newDriver().start(job(["echo", "given"], { container }));
  expect(await exit()).toMatchObject({ code: 0 });
  expect(output("stdout")).toBe("given\n");
});

test("an image that is there is pulled all the same when its job wants so", async () => {
  const container = {
    ...{ network: null, forcePull: true, hostname: null, portMappings: [], volumes: [], isEntrypoint: false },
  };
  newDriver().start(job("true", { container }));
  expect(await next()).toMatchObject({ failed: expect.stringContaining(`image ${IMAGE} can't be pulled`) });
});

test("a list is run as it is, with its item", async () => {
  newDriver().start(job(["printf", "%s|", "a b", "{}", "$HOME"], {}, { item: "it's" }));
  expect(await exit()).toMatchObject({ code: 0 });
  expect(output("stdout")).toBe("a b|it's|$HOME|");
});

test("bytes of any kind arrive as they were, also without a last end of line", async () => {
  newDriver().start(job("printf 'a\\0b\\r\\n\\377\\n\\n'; yes 0123456789 | head -c 70000 | tr -d '\\n'; printf end"));
  await exit();
  const bytes = readFileSync(join(tasks, KEY, "stdout"));
  const digits = "0123456789\n".repeat(7000).slice(0, 70_000).replaceAll("\n", "");
  expect(bytes.equals(Buffer.from(`a\0b\r\n\xff\n\n${digits}end`, "latin1"))).toBe(true);
});

test("a signal and memory are told apart", async () => {
  const driver = newDriver();
  driver.start(job("kill -SEGV $$"));
  expect(await exit()).toMatchObject({ code: null, signal: "SIGSEGV" });
  driver.start(job("exec dd if=/dev/zero of=/dev/null bs=200M count=1", {}, { epoch: 2 }));
  expect(await exit()).toMatchObject({ code: null, signal: "SIGKILL", oom: { limitBytes: 64 * 1024 * 1024 } });
  driver.start(job("exit 137", {}, { epoch: 3 }));
  expect(await exit()).not.toHaveProperty("oom");
});

test("what it starts can have no more processes than its limit, no capability and no other user's rights", async () => {
  newDriver().start(job("cat /proc/self/status"));
  await exit();
  expect(output("stdout")).toMatch(/^CapBnd:\t0+$/m);
  expect(output("stdout")).toMatch(/^NoNewPrivs:\t1$/m);
});

test("started twice it runs once", async () => {
  const driver = newDriver();
  const attempt = job("echo once >>log; exit 5");
  driver.start(attempt);
  driver.start(attempt);
  expect(await exit()).toMatchObject({ code: 5 });
  driver.start(attempt);
  expect(await next()).toEqual({ started: KEY });
  expect(await exit()).toMatchObject({ code: 5 });
  expect(text("log")).toBe("once\n");
});

test("TERM lets it end by itself; what ignores it is killed after the grace", async () => {
  const driver = newDriver();
  driver.start(job("trap 'echo told; exit 3' TERM; touch up; while :; do sleep 0.05; done"));
  await until("it runs", () => existsSync(work("up")));
  driver.stop(KEY, 10_000);
  expect(await exit()).toMatchObject({ code: 3 });
  expect(output("stdout")).toBe("told\n");

  driver.start(job("trap '' TERM; echo up; while :; do sleep 0.05; done", {}, { epoch: 2 }));
  await until("the second runs", () => driver.running().get("7k2m.0@2") !== 0 && driver.running().size === 1);
  driver.stop("7k2m.0@2", 300);
  expect(await exit()).toMatchObject({ code: null, signal: "SIGKILL" });
});

test("what it left in the background dies with it", async () => {
  newDriver().start(
    job("(trap '' TERM HUP; while :; do touch alive; sleep 0.05; done) & until [ -e alive ]; do sleep 0.01; done"),
  );
  await exit();
  rmSync(work("alive"));
  const script = "while :; do [ -e alive ] && exit 1; sleep 0.1; i=$((i + 1)); [ $i -lt 5 ] || exit 0; done";
  const look = spawn("sh", ["-c", script], { cwd: join(tasks, KEY, "work") });
  expect((await once(look, "exit"))[0]).toBe(0);
});

test("a stop that comes before it runs lets it never run", async () => {
  const driver = newDriver();
  driver.start(job("touch ran"));
  driver.stop(KEY, 1000);
  expect(await next()).toMatchObject({ exited: KEY, exit: { code: null, ranMs: 0 } });
  expect(existsSync(work("ran"))).toBe(false);
});

test("past its deadline it is not started", async () => {
  newDriver().start(job("touch ran", {}, { deadlineMs: uptimeMs() - 1 }));
  expect(await next()).toMatchObject({ exited: KEY, exit: { byGuard: true, ranMs: 0 } });
  expect(existsSync(work("ran"))).toBe(false);
});

test("a command that is not there is the task's fault", async () => {
  const driver = newDriver();
  driver.start(job(["no-such-command"]));
  // the container's first process is the daemon's, which finds out
  expect((await exit()).code).toBeGreaterThan(0);
  expect(output("stderr")).toContain("No such file");
  driver.start(job("true", { cwd: "relative" }, { epoch: 3 }));
  expect(await next()).toMatchObject({ failed: expect.stringMatching(/relative|absolute/), nodeFault: false });
  expect(driver.running().size).toBe(0);
});

test("a start waits for a daemon that is away, and can be stopped meanwhile", async () => {
  const driver = newDriver();
  podman.freeze();
  driver.start(job("echo here"));
  driver.start(job("echo never", {}, { epoch: 2 }));
  driver.stop("7k2m.0@2", 1000);
  podman.thaw();
  const ends = [await exit(), await exit()];
  expect(ends.map(({ code }) => code).sort()).toEqual([0, null]);
  expect(output("stdout")).toBe("here\n");
});

test("after its agent was killed the next one tells its exit code and all of its output, once", async () => {
  await startedByDeadAgent("seq 1 2000; touch up; until [ -e go ]; do sleep 0.02; done; echo after; exit 42");
  await until("it is up", () => existsSync(work("up")));
  const driver = newDriver();
  expect(await driver.recover(KEY)).toMatchObject({ is: "running" });
  expect(lives(driver.running().get(KEY) ?? 0)).toBe(true);
  driver.watch(KEY);
  await until("what it said is here", () => output("stdout").endsWith("2000\n"));
  const go = spawn("touch", ["go"], { cwd: join(tasks, KEY, "work") });
  await once(go, "exit");
  expect(await exit()).toMatchObject({ code: 42 });
  const lines = Array.from({ length: 2000 }, (_, i) => i + 1);
  expect(output("stdout")).toBe(`${lines.join("\n")}\nafter\n`);
});

test("its end is known also when no agent was there to see it", async () => {
  await startedByDeadAgent("echo said; exit 9");
  const driver = newDriver();
  await until("it is over", async () => (await driver.recover(KEY)).is === "ended");
  expect(await driver.recover(KEY)).toMatchObject({ is: "ended", exit: { code: 9, stdout: { size: 5 } } });
  expect(output("stdout")).toBe("said\n");
});

test("made and not started, it never is: also by a start that is still under way", async () => {
  const api = new DockerApi(podman.socket);
  const driver = newDriver();
  driver.start(job("touch ran", {}, { deadlineMs: uptimeMs() - 1 }));
  await exit();
  expect(await newDriver().recover(KEY)).toEqual({ is: "never-started" });
  await expect(api.call({ method: "POST", path: `/containers/${NAME}/start` })).rejects.toThrow(/no such container/i);
  expect(existsSync(join(tasks, KEY))).toBe(false);
});

test("a daemon that is silent starts nothing later than the agent that gave up on it allows", async () => {
  const api = new DockerApi(podman.socket);
  const first = newDriver();
  first.start(job("touch ran", {}, { deadlineMs: uptimeMs() - 1 }));
  await exit();
  podman.freeze();
  const start = api.call({ method: "POST", path: `/containers/${NAME}/start` }).then(() => "started", String);
  const found = newDriver().recover(KEY);
  // the gate is closed after the daemon's silence
  await until("the gate is closed", () => existsSync(join(tasks, KEY, "closed")), 15_000);
  podman.thaw();
  expect(await start).toMatch(/no such file|no such container/i);
  expect(["never-started", "running"]).toContain((await found).is);
  expect(existsSync(join(tasks, KEY, "closed", "ran"))).toBe(false);
}, 40_000);

test("what runs is found running while the daemon is silent, and its end is told when it speaks", async () => {
  await startedByDeadAgent("touch up; until [ -e go ]; do sleep 0.02; done; exit 6");
  await until("it is up", () => existsSync(work("up")));
  podman.freeze();
  const driver = newDriver();
  expect(await driver.recover(KEY)).toMatchObject({ is: "running" });
  driver.watch(KEY);
  await once(spawn("touch", ["go"], { cwd: join(tasks, KEY, "work") }), "exit");
  podman.thaw();
  expect(await exit()).toMatchObject({ code: 6 });
}, 40_000);

test("a stop gets through to a container whose daemon is silent; how it ended is told when it speaks", async () => {
  const driver = newDriver();
  driver.start(job("trap '' TERM; touch up; while :; do sleep 0.05; done"));
  await until("it is up", () => existsSync(work("up")) && (driver.running().get(KEY) ?? 0) > 0);
  const pid = driver.running().get(KEY) ?? 0;
  podman.freeze();
  driver.stop(KEY, 100);
  await until("it is dead", () => !lives(pid));
  podman.thaw();
  expect(await exit()).toMatchObject({ code: null, signal: "SIGKILL" });
}, 40_000);

test("when the daemon stays silent a dead process has vanished", async () => {
  await startedByDeadAgent("touch up; exec sleep 60");
  await until("it is up", () => existsSync(work("up")));
  podman.freeze();
  process.kill(readRun(join(tasks, KEY))?.start?.pid ?? 0, "SIGKILL");
  const driver = newDriver(DATA, 100);
  expect(await driver.recover(KEY)).toMatchObject({ is: "running" });
  driver.watch(KEY);
  await until("its end is told", () => told.length > 0);
  expect(await exit()).toMatchObject({ code: null, vanished: true });
}, 40_000);

test("a container that somebody removed has vanished", async () => {
  const driver = newDriver();
  driver.start(job("touch up; sleep 60"));
  await until("it is up", () => existsSync(work("up")) && readRun(join(tasks, KEY))?.start != null);
  await new DockerApi(podman.socket).call({ method: "DELETE", path: `/containers/${NAME}`, query: { force: "1" } });
  const end = await exit();
  expect(end.vanished ?? end.signal === "SIGKILL").toBe(true);
});

test("an output that broke off goes on at the right place, each stream by itself", async () => {
  newDriver().start(job("seq 1 100; seq 1 50 >&2"));
  const { stdout } = await exit();
  const whole = output("stdout");
  const { truncateSync } = await import("node:fs");
  truncateSync(join(tasks, KEY, "stdout"), 17);
  await copyOutput(new DockerApi(podman.socket), NAME, join(tasks, KEY), false, AbortSignal.timeout(5000));
  expect(output("stdout")).toBe(whole);
  expect(stdout.size).toBe(whole.length);
  expect(output("stderr")).toBe(`${Array.from({ length: 50 }, (_, i) => i + 1).join("\n")}\n`);
});

test("a daemon that never ends the output that it follows delays no end, and loses nothing", async () => {
  const path = join(root, "relay.sock");
  const relay = createServer((asked, answer) => {
    const { method, url = "", headers } = asked;
    const sent = request({ socketPath: podman.socket, method, path: url, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 500, response.headers);
      const isFollowed = url.includes("follow=1");
      response.pipe(answer, { end: !isFollowed });
    });
    asked.pipe(sent);
  });
  await new Promise<void>((resolve) => relay.listen(path, resolve));
  try {
    newDriver(DATA, 600_000, path).start(job("seq 1 1000"));
    expect((await exit()).stdout.size).toBe(3893);
  } finally {
    relay.closeAllConnections();
    relay.close();
  }
});

test("removing takes the container and the folder, and again does nothing", async () => {
  const driver = newDriver();
  driver.start(job("true"));
  await exit();
  expect(podman.containers()).toEqual([NAME]);
  await driver.remove(KEY);
  await driver.remove(KEY);
  expect(podman.containers()).toEqual([]);
  expect(existsSync(join(tasks, KEY))).toBe(false);
});

test("a sweep ends what is its own and not known, and nothing of another agent's", async () => {
  const mine = newDriver();
  const other = newDriver("feedbeef");
  mine.start(job("sleep 60"));
  other.start(job("sleep 60", {}, { epoch: 2 }));
  await until("both run", () => told.length === 2);
  expect(await mine.sweep(new Set([KEY]))).toEqual([]);
  expect(await mine.sweep(new Set())).toEqual([KEY]);
  expect(podman.containers()).toEqual([containerName("feedbeef", "7k2m.0@2")]);
  await other.sweep(new Set());
});

test("without a daemon it says so and what would help", async () => {
  const options = { socket: () => ({ path: join(root, "none.sock") }), tasks, user, data: DATA, boot: bootId() };
  const more = {
    place: { league: "l", cluster: "c", node: "n" },
    hidesGpus: false,
    limits: DEFAULT_LIMITS,
    nvidia: false,
    volumes: [],
    log: () => {},
  };
  const deaf = { started: () => {}, startFailed: () => {}, exited: () => {} };
  const none = new DockerDriver({ ...options, ...more, ...deaf });
  expect(await none.probe()).toMatchObject({ healthy: false, detail: expect.stringContaining("none.sock") });
  expect(await newDriver().probe()).toMatchObject({ healthy: true, limits: ["mem", "pids"] });
});
