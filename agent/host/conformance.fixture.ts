/**
 * What every driver must do, on real parts. A driver's test calls `conforms` with how to make one; what the driver says
 * by its health that it can't do is checked to be said, never skipped. Tasks speak by their output alone and are found
 * in /proc by a mark in their command line, so that it does not matter in which namespace or container they are.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Uri } from "../../src/model/container.ts";
import type { Template } from "../../src/model/job.ts";
import type { Exit } from "../core/types.ts";
import { uptimeMs } from "./clock.ts";
import type { Driver, DriverEvents, DriverHealth } from "./driver.ts";
import { Ear } from "./ear.fixture.ts";
import { fetching } from "./fetch/driver.fixture.ts";
import type { Guard } from "./guard/guard.ts";
import { attemptOf } from "./process/attempt.fixture.ts";
import { makePassable } from "./process/folder.ts";
import type { User } from "./process/user.ts";
import { statOf } from "./procfs.ts";

export interface Subject {
  /** whom its tasks run as */
  user: User;
  /** of a driver made by `make` */
  health: DriverHealth;
  /** what each job asks for beside the command, e.g. its image */
  job: Partial<Template>;
  /** how many processes a task may have, where that is limited */
  pids: number;
  /** what its own machinery does otherwise, checked to be so */
  differs?: {
    /** a folder that is not there is made */
    makesFolders?: true;
    /** an exit code above 128 is told as a signal */
    codeIsSignal?: true;
  };
  make(tasks: string, events: DriverEvents): Driver;
  /** Node's arguments for an agent that starts attempt 7k2m.0@1 with this job, writes a line, and waits to be killed. */
  starter(tasks: string, job: Partial<Template>): string[];
  guard(run: string, tasks: string): Guard;
  /** names of what it has on the machine outside of the tasks folder: cgroups, containers */
  traces(): string[];
  /** removes what is shared by all tests */
  end(): void;
}

const KEY = "7k2m.0@1";
/** What a driver says that does not see processes which leave their group. */
export const GROUPS_ONLY = "process groups only";

/** Neither the kernel nor a container tells when a process of another's is there or gone. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** Pids of the machine's processes with the mark in their command line, zombies left out. */
function marked(mark: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return (
          readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(mark) && !["Z", "X"].includes(statOf(pid)?.state ?? "X")
        );
      } catch {
        return false;
      }
    });
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // gone meanwhile
  }
}

/** @param name of the driver, and how it is set up */
export function conforms(name: string, subject: Subject): void {
  const { health } = subject;
  describe(`driver ${name}`, () => {
    if (!health.healthy) {
      test(`does not work here and says why: ${health.detail}`, () => {
        expect(health.detail.length).toBeGreaterThan(10);
      });
      return;
    }
    suite(subject);
  });
}

function suite(subject: Subject): void {
  const { user, health } = subject;
  let root: string;
  let tasks: string;
  let mark: string;
  let ear: Ear;
  let drivers: Driver[];
  let agents: ChildProcess[];
  let guards: Guard[];
  let servers: Server[];

  /** @returns its address; what it has not is missing, and what it has as null never comes */
  const serve = async (files: Record<string, string | Buffer | null>, asked: (path: string) => void = () => {}) => {
    const server = createServer(({ url = "" }, response: ServerResponse) => {
      const file = files[url];
      asked(url);
      if (file === undefined) response.writeHead(404).end("not here");
      else if (file === null) response.writeHead(200, { "content-length": 1000 }).write("begin");
      else response.end(file);
    }).listen(0, "127.0.0.1");
    servers.push(server);
    await once(server, "listening");
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const uri = (value: string, more: Partial<Uri> = {}): Uri => ({
    ...{ value, executable: false, extract: true, outputFile: null, ...more },
  });
  const failure = async (job: Partial<Template>): Promise<string> => {
    newDriver().start(attempt(job));
    const told = await ear.next();
    if (!("failed" in told)) throw new Error(`it was told ${JSON.stringify(told)}`);
    return told.failed;
  };

  const newDriver = (): Driver => {
    const driver = fetching(subject.make(tasks, ear), tasks, ear, join(root, "files"));
    drivers.push(driver);
    return driver;
  };
  const attempt = (job: Partial<Template>, more: Parameters<typeof attemptOf>[1] = {}) =>
    attemptOf({ ...subject.job, ...job }, more);
  const output = (stream = "stdout", key = KEY): string => {
    const path = join(tasks, key, stream);
    return existsSync(path) ? readFileSync(path, "utf8") : "";
  };
  /** Out of its process group, where a driver sees that too. */
  const leave = health.detail.startsWith(GROUPS_ONLY) ? "" : "setsid";
  const saysReady = (key = KEY) => until(() => output("stdout", key).includes("ready\n"));
  /** A process that the mark finds, until somebody ends it. */
  const loop = (flags = "") => `sh -c '${flags}echo ready; while :; do sleep 0.05; done' ${mark}`;
  const exit = async (job: Partial<Template>, epoch = 1): Promise<Exit> => {
    newDriver().start(attempt(job, { epoch }));
    return (await ear.end()).exit;
  };
  const startedByDeadAgent = async (command: string, job: Partial<Template> = {}): Promise<void> => {
    const agent = spawn(process.execPath, subject.starter(tasks, { ...subject.job, command, ...job }), {
      stdio: ["ignore", "pipe", "inherit"],
    });
    agents.push(agent);
    await once(agent.stdout, "data");
    await saysReady();
    agent.kill("SIGKILL");
    await once(agent, "exit");
  };

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "hansa-conforms-"));
    chmodSync(root, 0o711);
    tasks = join(root, "tasks");
    makePassable(tasks, user);
    mark = `mark-${randomBytes(6).toString("hex")}`;
    ear = new Ear();
    drivers = [];
    agents = [];
    guards = [];
    servers = [];
    mkdirSync(join(root, "files"));
  });
  afterEach(async () => {
    for (const agent of agents) agent.kill("SIGKILL");
    for (const server of servers) server.close().closeAllConnections();
    for (const guard of guards) await guard.end();
    for (const driver of drivers) await driver.sweep(new Set());
    for (const driver of drivers) await driver.close();
    for (const pid of marked(mark)) kill(pid);
    rmSync(root, { recursive: true, force: true });
  });
  afterAll(() => subject.end());

  test("tells the exit code, and the signal that ended a command", async () => {
    expect(await exit({ command: "exit 0" })).toMatchObject({ code: 0, signal: null });
    expect(await exit({ command: "exit 41" }, 2)).toMatchObject({ code: 41, signal: null });
    expect(await exit({ command: "kill -SEGV $$" }, 3)).toMatchObject({ code: null, signal: "SIGSEGV" });
  });

  test("keeps what is written to both streams, with size and checksum", async () => {
    expect(await exit({ command: "printf 123456789; printf err >&2" })).toMatchObject({
      stdout: { size: 9, crc32: 0xcbf43926, dropped: 0 },
      stderr: { size: 3, crc32: crc32("err"), dropped: 0 },
    });
    expect([output(), output("stderr")]).toEqual(["123456789", "err"]);
  });

  test("runs a list without a shell, with the job's environment, item and place", async () => {
    const env = { GREETING: "hello\nthere", HANSA_NODE: "forged" };
    const command = [
      "sh",
      "-c",
      'printf "%s|" "$GREETING" "$HANSA_NODE" "$HANSA_TASK" "$HANSA_ITEM" "$1"',
      "x",
      "a  $b",
    ];
    newDriver().start(attempt({ command, env }, { item: "it's {}" }));
    expect((await ear.end()).exit).toMatchObject({ code: 0 });
    expect(output()).toBe("hello\nthere|n|7k2m.0|it's {}|a  $b|");
  });

  test("runs in a folder of the task's own that it can write to, or in the one asked for", async () => {
    expect(await exit({ command: 'echo x >mine && [ "$PWD" = "$HOME" ] && cat mine' })).toMatchObject({ code: 0 });
    await exit({ command: "pwd", cwd: "/usr" }, 2);
    expect(output("stdout", "7k2m.0@2")).toBe("/usr\n");
    const gone = await exit({ command: "true", cwd: "/no/such/folder" }, 3);
    if (subject.differs?.makesFolders) expect(gone.code).toBe(0);
    else expect(gone.code).not.toBe(0);
  });

  test("sends TERM first, and a task that honours it ends in its own way", async () => {
    const driver = newDriver();
    driver.start(attempt({ command: "trap 'exit 7' TERM; echo ready; while :; do sleep 0.02; done" }));
    await saysReady();
    driver.stop(KEY, 30_000);
    expect((await ear.end()).exit).toMatchObject({ code: 7, signal: null });
  });

  test("ends by TERM what has no trap for it", async () => {
    const driver = newDriver();
    driver.start(attempt({ command: "echo ready; exec sleep 60" }));
    await saysReady();
    driver.stop(KEY, 30_000);
    expect((await ear.end()).exit).toMatchObject({ code: null, signal: "SIGTERM" });
  });

  test("kills after the grace what ignores TERM, daemons of its included", async () => {
    const driver = newDriver();
    const daemon = `sh -c 'trap "" TERM; while :; do sleep 0.05; done' ${mark}-daemon`;
    driver.start(attempt({ command: `(${leave} ${daemon} &) ; trap '' TERM; ${loop(`trap "" TERM; `)}` }));
    await saysReady();
    await until(() => marked(`${mark}-daemon`).length > 0);
    const before = uptimeMs();
    driver.stop(KEY, 150);
    expect((await ear.end()).exit).toMatchObject({ code: null, signal: "SIGKILL" });
    expect(uptimeMs() - before).toBeGreaterThanOrEqual(140);
    await until(() => marked(mark).length === 0);
  });

  test("leaves nothing of a task that ends by itself, daemons of its included", async () => {
    const daemon = `sh -c 'while :; do sleep 0.05; done' ${mark}-daemon`;
    const ends = await exit({ command: `(${leave} ${daemon} >/dev/null 2>&1 &) ; sleep 0.1; exit 3` });
    expect(ends).toMatchObject({ code: 3 });
    await until(() => marked(mark).length === 0);
  });

  test("does not call exit 137 or a KILL of its own out of memory", async () => {
    const resources = { mem: 64_000 };
    const said = await exit({ command: "exit 137", resources });
    const { codeIsSignal } = subject.differs ?? {};
    expect(said).toMatchObject(codeIsSignal ? { code: null, signal: "SIGKILL" } : { code: 137, signal: null });
    expect(said).not.toHaveProperty("oom");
    const killed = await exit({ command: "kill -KILL $$", resources }, 2);
    expect(killed).toMatchObject({ code: null, signal: "SIGKILL" });
    expect(killed).not.toHaveProperty("oom");
  });

  if (health.limits.includes("mem")) {
    const hog = "x=$(head -c 60000000 /dev/zero | tr '\\0' x); printf %s \"$x\" | wc -c";
    const resources = { mem: 24_000 };
    test("tells of a task that wants more memory than it asked for", async () => {
      const limitBytes = 24 * 2 ** 20;
      expect(await exit({ command: hog, resources })).toMatchObject({ oom: { limitBytes } });
      expect(output()).toBe("");
      expect(await exit({ command: `(${hog}); exit 0`, resources }, 2)).toMatchObject({
        code: 0,
        oom: { limitBytes },
      });
    });

    test("tells so of a task that ran out of it while no agent was there", async () => {
      await startedByDeadAgent(`echo ready; sleep 0.3; ${hog}`, { resources });
      let found = await newDriver().recover(KEY);
      while (found.is === "running") found = await newDriver().recover(KEY);
      expect(found).toMatchObject({ is: "ended", exit: { oom: { limitBytes: 24 * 2 ** 20 } } });
    });

    test("gives the next task another limit, and not the one before it", async () => {
      const driver = newDriver();
      for (const [epoch, mem] of [24_000, 256_000, 24_000].entries()) {
        driver.start(attempt({ command: hog, resources: { mem } }, { epoch }));
        const { exited, exit } = await ear.end();
        expect("oom" in exit).toBe(mem === 24_000);
        await driver.remove(exited);
      }
    });
  } else {
    test("says that it does not limit memory", () => expect(health.detail).toContain("mem"));
  }

  if (health.limits.includes("pids")) {
    test("lets a task have so many processes and no more", async () => {
      const command = `i=0; while [ $i -lt ${2 * subject.pids} ]; do sleep 20 & i=$((i+1)); echo $i; done; echo all`;
      const { code } = await exit({ command });
      expect(code).not.toBe(0);
      expect(output()).not.toContain("all");
      expect(output().split("\n").length).toBeGreaterThan(subject.pids / 2);
    });
  } else {
    test("says that it does not limit pids", () => expect(health.detail).toContain("pids"));
  }

  if (health.limits.includes("cpus")) {
    test("gives a task no more processor time than it asked for", async () => {
      // busy for two to three seconds; `times` says how much processor time that was
      const busy =
        "end=$(($(cut -d. -f1 /proc/uptime) + 3)); while IFS=. read -r now _ </proc/uptime && [ $now -lt $end ]; do :; done; times";
      expect(await exit({ command: busy, resources: { cpus: 200 } })).toMatchObject({ code: 0 });
      const [, user = "0", system = "0"] = /^0m([\d.]+)s 0m([\d.]+)s/.exec(output()) ?? [];
      expect(Number(user) + Number(system)).toBeGreaterThan(0);
      expect(Number(user) + Number(system)).toBeLessThan(0.2 * 3 + 0.2);
    }, 20_000);
  } else {
    test("says how it shares cpus", () => expect(health.detail).toContain("cpus"));
  }

  test("started twice with one key runs once", async () => {
    const driver = newDriver();
    const twice = attempt({ command: "echo ready; sleep 0.3" });
    driver.start(twice);
    driver.start(twice);
    await saysReady();
    newDriver().start(twice);
    await ear.end();
    expect(output()).toBe("ready\n");
  });

  test("outlives its agent; the next one finds it running, stops it and tells how it ended", async () => {
    await startedByDeadAgent("trap 'echo bye; exit 42' TERM; echo ready; while :; do sleep 0.02; done");
    const driver = newDriver();
    expect(await driver.recover(KEY)).toMatchObject({ is: "running" });
    driver.watch(KEY);
    driver.stop(KEY, 30_000);
    expect((await ear.end()).exit).toMatchObject({ code: 42, signal: null, stdout: { size: 10 } });
  });

  test("that ended while no agent was there is told, one that was never started too", async () => {
    await startedByDeadAgent("echo ready; sleep 0.3; exit 9");
    const driver = newDriver();
    expect(await driver.recover("7k2m.1@1")).toEqual({ is: "never-started" });
    let found = await driver.recover(KEY);
    while (found.is === "running") found = await newDriver().recover(KEY);
    expect(found).toMatchObject({ is: "ended", exit: { code: 9, stdout: { size: 6 } } });
  });

  test("removed twice is removed", async () => {
    const driver = newDriver();
    driver.start(attempt({ command: "echo x >left" }));
    await ear.end();
    await driver.remove(KEY);
    await driver.remove(KEY);
    expect(existsSync(join(tasks, KEY))).toBe(false);
  });

  test("sweeps away what no journal knows, and nothing else", async () => {
    await startedByDeadAgent(loop());
    expect(await newDriver().sweep(new Set([KEY]))).toEqual([]);
    expect(marked(mark).length).toBeGreaterThan(0);
    expect(await newDriver().sweep(new Set())).toEqual([KEY]);
    await until(() => marked(mark).length === 0);
    expect(readdirSync(tasks)).toEqual([]);
  });

  test("the guard ends at its deadline what ignores TERM, without an agent", async () => {
    await startedByDeadAgent(`trap '' TERM; ${loop(`trap "" TERM; `)}`);
    const run = join(root, "run");
    mkdirSync(run);
    const guard = subject.guard(run, tasks);
    guards.push(guard);
    const nowMs = uptimeMs();
    guard.setDeadlines([{ key: KEY, termAtMs: nowMs, deadlineMs: nowMs + 4000, stopAfterMs: 30_000 }]);
    expect(await guard.ready()).toBe(true);
    await until(() => marked(mark).length === 0);
    expect(uptimeMs()).toBeLessThan(nowMs + 4000);
    let found = await newDriver().recover(KEY);
    while (found.is === "running") found = await newDriver().recover(KEY);
    expect(found).toMatchObject({ is: "ended", exit: { byGuard: true, signal: "SIGKILL" } });
  }, 20_000);

  test("finds what it wanted fetched in its folder, as its own: plain, to be run, unpacked, elsewhere", async () => {
    const packed = join(root, "packed");
    mkdirSync(join(packed, "inner"), { recursive: true });
    writeFileSync(join(packed, "inner/file"), "from the archive\n");
    const tgz = execFileSync("tar", ["-C", packed, "-czf", "-", "inner"]);
    writeFileSync(join(root, "files/local"), "from the machine\n", { mode: 0o644 });
    const at = await serve({
      "/a/plain?x=1": "plain\n",
      "/prog": "#!/bin/sh\necho ran\n",
      "/x.tar.gz": tgz,
      "/o": "o\n",
    });
    const uris = [
      uri(`${at}/a/plain?x=1`),
      uri(`${at}/prog`, { executable: true }),
      uri(`${at}/x.tar.gz`),
      uri(`${at}/o`, { outputFile: "some/where/o.txt" }),
      uri(`file://${join(root, "files/local")}`),
    ];
    const command =
      "cat plain && ./prog && cat inner/file some/where/o.txt local && test -f x.tar.gz && rm -r inner some";
    const ends = await exit({ command, uris });
    expect(output("stderr")).toBe("");
    expect(ends).toMatchObject({ code: 0 });
    expect(output()).toBe("plain\nran\nfrom the archive\no\nfrom the machine\n");
    await until(() => !readdirSync(tasks).some((name) => name.startsWith("fetch-")));
  });

  test("does not start without a file that is not there, or that its owner does not allow, and says which", async () => {
    const at = await serve({});
    const command = "echo never";
    expect(await failure({ command, uris: [uri(`${at}/gone.tgz`)] })).toBe(
      `${at}/gone.tgz can't be fetched: the server says HTTP 404`,
    );
    expect(await failure({ command, uris: [uri("/etc/hostname")] })).toContain(
      "/etc/hostname can't be fetched: this node",
    );
    expect(await failure({ command, uris: [uri(`file://${root}/files/gone`)] })).toContain(
      "files/gone can't be fetched",
    );
    await until(() => readdirSync(tasks).length === 0);
  });

  test("stopped while something is fetched for it never starts", async () => {
    const asked = Promise.withResolvers<unknown>();
    const at = await serve({ "/slow": null }, asked.resolve);
    const driver = newDriver();
    driver.start(attempt({ command: "echo never", uris: [uri(`${at}/slow`)] }));
    expect([...driver.running().keys()]).toEqual([KEY]);
    await asked.promise;
    driver.stop(KEY, 30_000);
    expect(await ear.next()).toMatchObject({
      exited: KEY,
      exit: { code: null, signal: "SIGTERM", stdout: { size: 0 } },
    });
    expect(driver.running().size).toBe(0);
    await until(() => readdirSync(tasks).length === 0);
  });

  test("whose agent died while something was fetched never started, and the next one can start it", async () => {
    const asked = Promise.withResolvers<unknown>();
    const files: Record<string, string | null> = { "/slow": null };
    const at = await serve(files, asked.resolve);
    const job = { command: "cat slow", uris: [uri(`${at}/slow`)] };
    const agent = spawn(process.execPath, subject.starter(tasks, { ...subject.job, ...job }), { stdio: "ignore" });
    agents.push(agent);
    await asked.promise;
    agent.kill("SIGKILL");
    await once(agent, "exit");
    const driver = newDriver();
    expect(await driver.recover(KEY)).toEqual({ is: "never-started" });
    await driver.sweep(new Set([KEY]));
    expect(readdirSync(tasks)).toEqual([]);
    files["/slow"] = "here\n";
    driver.start(attempt(job));
    expect((await ear.end()).exit).toMatchObject({ code: 0 });
    expect(output()).toBe("here\n");
  });

  test("of a Mesos framework is told where its folder is, any other is not", async () => {
    const command = 'touch mine; echo "$MESOS_SANDBOX"; test -z "$MESOS_SANDBOX" || test -f "$MESOS_SANDBOX/mine"';
    expect(await exit({ command, env: { MESOS_TASK_ID: "t1" } })).toMatchObject({ code: 0 });
    expect(output()).toMatch(/^\/./);
    expect(await exit({ command }, 2)).toMatchObject({ code: 0 });
    expect(output("stdout", "7k2m.0@2")).toBe("\n");
  });

  test("a hundred short tasks leave no process, descriptor, file or trace", async () => {
    const opened = () => readdirSync("/proc/self/fd").length;
    const children = () => readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, "utf8");
    const before = { opened: opened(), children: children(), traces: subject.traces() };
    const driver = newDriver();
    driver.warmUp();
    const command = `sh -c 'exit 0' ${mark}`;
    for (let epoch = 1; epoch <= 104; epoch++) {
      if (epoch <= 100) driver.start(attempt({ command, resources: { cpus: 100, mem: 64_000 } }, { epoch }));
      if (epoch <= 4) continue;
      const { exited, exit } = await ear.end();
      expect(exit).toMatchObject({ code: 0 });
      await driver.remove(exited);
    }
    await driver.close();
    expect(readdirSync(tasks)).toEqual([]);
    expect(subject.traces()).toEqual(before.traces);
    expect(marked(mark)).toEqual([]);
    await until(() => children() === before.children && opened() <= before.opened);
  }, 60_000);
}
