import { type ChildProcess, spawn } from "node:child_process";
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
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { until } from "../../../test/support/until.ts";
import { bootId, uptimeMs } from "../clock.ts";
import { Ear } from "../ear.fixture.ts";
import { isAlive, statOf } from "../procfs.ts";
import { attemptOf } from "./attempt.fixture.ts";
import { Cgroups, openCgroups } from "./cgroups.ts";
import { ProcessDriver } from "./driver.ts";
import { makePassable } from "./folder.ts";
import { taskUser } from "./user.ts";

const user = taskUser(null);
const HASH = `test-${process.pid}`;
const found = openCgroups(HASH, user);
const modes: [string, Cgroups | null][] = [["process group only", null]];
if (found instanceof Cgroups) modes.push(["cgroup", found]);

/** A pid that a task wrote to a file of its own. */
async function pidIn(path: string): Promise<number> {
  for (;;) {
    const text = existsSync(path) ? readFileSync(path, "utf8") : "";
    if (text.endsWith("\n")) return Number(text);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function gone(pid: number): Promise<void> {
  for (;;) {
    const state = statOf(pid)?.state;
    if (state === undefined || state === "Z" || state === "X") return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe.each(modes)("a task (%s)", (_name, cgroups) => {
  let root: string;
  let tasks: string;
  let ear: Ear;
  let drivers: ProcessDriver[];
  let agents: ChildProcess[];

  const newDriver = (): ProcessDriver => {
    const driver = new ProcessDriver({
      tasks,
      cgroups,
      user,
      boot: bootId(),
      place: { league: "lab", cluster: "north", node: "n1" },
      hidesGpus: true,
      log: () => {},
      started: ear.started,
      startFailed: ear.startFailed,
      exited: ear.exited,
    });
    drivers.push(driver);
    return driver;
  };

  /** Starts the attempt `7k2m.0@1`, whose command writes a file `pid`, by an agent that is then killed. */
  const startedByDeadAgent = async (command: string): Promise<void> => {
    const script = join(import.meta.dirname, "starter.fixture.ts");
    const agent = spawn(
      process.execPath,
      [script, "process", tasks, cgroups ? HASH : "", JSON.stringify({ command })],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    agents.push(agent);
    await once(agent.stdout, "data");
    await pidIn(join(work(), "pid"));
    agent.kill("SIGKILL");
    await once(agent, "exit");
  };

  const work = (key = "7k2m.0@1") => join(tasks, key, "work");
  const output = (stream: string, key = "7k2m.0@1") => readFileSync(join(tasks, key, stream), "utf8");

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "hansa-driver-"));
    chmodSync(root, 0o711);
    tasks = join(root, "tasks");
    makePassable(tasks, user);
    ear = new Ear();
    drivers = [];
    agents = [];
  });

  afterEach(async () => {
    for (const driver of drivers) await driver.sweep(new Set());
    for (const driver of drivers) await driver.close();
    rmSync(root, { recursive: true, force: true });
  });

  afterAll(() => cgroups?.removeAll());

  test("that succeeds tells code 0 and the size and checksum of its output", async () => {
    newDriver().start(attemptOf({ command: "printf 123456789" }));
    expect(await ear.next()).toEqual({ started: "7k2m.0@1" });
    expect(await ear.exit()).toMatchObject({
      code: 0,
      signal: null,
      stdout: { size: 9, crc32: 0xcbf43926, dropped: 0 },
      stderr: { size: 0, crc32: 0, dropped: 0 },
    });
  });

  test("that fails tells its code, one that a signal ended the signal", async () => {
    const driver = newDriver();
    driver.start(attemptOf({ command: "exit 41" }));
    expect(await ear.exit()).toMatchObject({ code: 41, signal: null });
    driver.start(attemptOf({ command: "kill -SEGV $$" }, { epoch: 2 }));
    expect(await ear.exit()).toMatchObject({ code: null, signal: "SIGSEGV" });
    driver.start(attemptOf({ command: "exit 139" }, { epoch: 3 }));
    expect(await ear.exit()).toMatchObject({ code: 139, signal: null });
  });

  test("sees a clean environment, its job's own and its folder, as its own user", async () => {
    const env = { GREETING: "hello\nthere", HANSA_NODE: "forged", IFS: "x" };
    newDriver().start(attemptOf({ command: "id -u; id -G; pwd; env", env }, { item: "a b" }));
    expect(await ear.exit()).toMatchObject({ code: 0 });
    const [uid, groups, folder, ...rest] = output("stdout").split("\n");
    expect(uid).toBe(String(user.uid));
    expect(groups).toBe(String(user.gid));
    expect(folder).toBe(work());
    expect(rest.join("\n")).toContain("GREETING=hello\nthere\n");
    const names = rest.filter((line) => /^\w+=/.test(line)).map((line) => line.slice(0, line.indexOf("=")));
    expect(names.filter((name) => name !== "_").sort()).toEqual(
      [
        ...["GREETING", "HANSA_CLUSTER", "HANSA_EPOCH", "HANSA_INDEX", "HANSA_ITEM", "HANSA_JOB", "HANSA_LEAGUE"],
        ...["HANSA_NODE", "HANSA_TASK", "HOME", "IFS", "LANG", "LOGNAME", "PATH", "PWD", "SHELL", "USER"],
        ...["CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"],
      ].sort(),
    );
    expect(rest).toContain("HANSA_NODE=n1");
    expect(rest).toContain(`HOME=${work()}`);
  });

  test("finds its devices and ports in its environment, whatever its job says", async () => {
    const env = { HANSA_PORT_0: "22", HANSA_DEVICES: "9", CUDA_VISIBLE_DEVICES: "0,1,2,3" };
    const job = {
      command: "env | grep -E '^(HANSA_(PORT|DEVICE)|CUDA|NVIDIA)' | sort",
      env,
      resources: { gpus: 2000 },
    };
    newDriver().start(attemptOf(job, { devices: [0, 2], ports: [31_000, 31_007] }));
    await ear.exit();
    expect(output("stdout").trimEnd().split("\n")).toEqual([
      "CUDA_DEVICE_ORDER=PCI_BUS_ID",
      "CUDA_VISIBLE_DEVICES=0,2",
      "HANSA_DEVICES=0,2",
      "HANSA_PORTS=31000,31007",
      "HANSA_PORT_0=31000",
      "HANSA_PORT_1=31007",
      "NVIDIA_VISIBLE_DEVICES=0,2",
    ]);
  });

  test("given as a list runs without a shell, also when its first word is a shell's builtin", async () => {
    const driver = newDriver();
    driver.start(attemptOf({ command: ["printf", "%s|", "$HOME", "a  b"] }));
    expect(await ear.exit()).toMatchObject({ code: 0 });
    expect(output("stdout")).toBe("$HOME|a  b|");
    driver.start(attemptOf({ command: ["exit", "0"] }, { epoch: 2 }));
    expect(await ear.exit()).toMatchObject({ code: 127 });
    expect(output("stderr", "7k2m.0@2")).toContain("not found");
  });

  test("whose folder can't be entered says so on its stderr", async () => {
    newDriver().start(attemptOf({ command: "true", cwd: "/no/such/folder" }));
    expect(await ear.exit()).toMatchObject({ code: 126 });
    expect(output("stderr")).toContain("/no/such/folder");
  });

  test("can open its own standard streams anew, and has no file of the agent open", async () => {
    newDriver().start(attemptOf({ command: "echo again >/dev/stderr; ls -l /proc/$$/fd" }));
    expect(await ear.exit()).toMatchObject({ code: 0 });
    expect(output("stderr")).toBe("again\n");
    // the shell keeps the numbers above 9 to itself; one there came with whoever started the test
    const descriptors = [...output("stdout").matchAll(/ (\d) -> (.*)$/gm)].map(([, fd, to]) => `${fd} ${to}`);
    const folder = join(tasks, "7k2m.0@1");
    expect(descriptors).toEqual(["0 /dev/null", `1 ${folder}/stdout`, `2 ${folder}/stderr`]);
  });

  test("too long for the kernel says so on its stderr", async () => {
    newDriver().start(attemptOf({ command: `: ${"x".repeat(200_000)}` }));
    expect(await ear.exit()).toMatchObject({ code: 126 });
    expect(output("stderr")).toContain("too long");
  });

  test("that can't be started says why and leaves nothing", async () => {
    const driver = newDriver();
    rmSync(tasks, { recursive: true });
    driver.start(attemptOf({ command: "true" }));
    expect(await ear.next()).toEqual({ failed: expect.stringContaining("ENOENT") });
    expect(cgroups?.list() ?? []).toEqual([]);
    makePassable(tasks, user);
  });

  test("is given to a shim that waits, and none is left when the driver closes", async () => {
    const driver = newDriver();
    driver.warmUp();
    await until(() => readdirSync(tasks).length === 2);
    driver.start(attemptOf({ command: "pwd" }));
    expect(await ear.exit()).toMatchObject({ code: 0 });
    expect(output("stdout")).toBe(`${work()}\n`);
    await until(() => readdirSync(tasks).length === 3);
    await driver.remove("7k2m.0@1");
    await driver.close();
    expect(readdirSync(tasks)).toEqual([]);
    expect(cgroups?.list() ?? []).toEqual([]);
  });

  test("that starts past its deadline never runs its command", async () => {
    newDriver().start(attemptOf({ command: "touch ran" }, { deadlineMs: uptimeMs() - 10 }));
    expect(await ear.exit()).toMatchObject({ code: null, signal: null, byGuard: true });
    expect(existsSync(join(work(), "ran"))).toBe(false);
  });

  test("started twice with one key runs once", async () => {
    const driver = newDriver();
    const attempt = attemptOf({ command: "echo $$ >>pids; sleep 0.1" });
    driver.start(attempt);
    driver.start(attempt);
    await pidIn(join(work(), "pids"));
    newDriver().start(attempt);
    await ear.exit();
    expect(readFileSync(join(work(), "pids"), "utf8").trim().split("\n")).toHaveLength(1);
  });

  test("gets TERM first and may end in its own way", async () => {
    const driver = newDriver();
    driver.start(attemptOf({ command: `trap 'exit 7' TERM; echo $$ >pid; while :; do sleep 0.02; done` }));
    await pidIn(join(work(), "pid"));
    driver.stop("7k2m.0@1", 10_000);
    expect(await ear.exit()).toMatchObject({ code: 7, signal: null });
  });

  test("that ignores TERM is killed after the grace, with its children", async () => {
    const driver = newDriver();
    driver.start(attemptOf({ command: `trap '' TERM; sleep 60 & echo $! >child; echo $$ >pid; wait; wait` }));
    await pidIn(join(work(), "pid"));
    const child = await pidIn(join(work(), "child"));
    driver.stop("7k2m.0@1", 50);
    expect(await ear.exit()).toMatchObject({ code: null, signal: "SIGKILL" });
    await gone(child);
  });

  test("that ends leaves none of its background processes", async () => {
    newDriver().start(attemptOf({ command: "sleep 60 & echo $! >child" }));
    expect(await ear.exit()).toMatchObject({ code: 0 });
    await gone(await pidIn(join(work(), "child")));
  });

  test("finds nothing of the one before it in a folder that is used again", async () => {
    const driver = newDriver();
    driver.start(attemptOf({ command: "echo out; echo err >&2" }));
    await ear.exit();
    await driver.remove("7k2m.0@1");
    driver.start(attemptOf({ command: "ls -A; echo $PWD" }, { epoch: 2 }));
    expect(await ear.exit()).toMatchObject({ code: 0, stderr: { size: 0 } });
    expect(output("stdout", "7k2m.0@2")).toBe(`${work("7k2m.0@2")}\n`);
    driver.start(attemptOf({ command: "touch left; chmod 644 /dev/stdout" }, { epoch: 3 }));
    await ear.exit();
    await driver.remove("7k2m.0@3");
    expect(readdirSync(tasks).filter((name) => existsSync(join(tasks, name, "work", "left")))).toEqual([]);
  });

  test("whose shim is killed is told at once, and what is left of it is ended", async () => {
    newDriver().start(attemptOf({ command: "echo $PPID >shim; echo $$ >pid; sleep 60" }));
    const pid = await pidIn(join(work(), "pid"));
    process.kill(await pidIn(join(work(), "shim")), "SIGKILL");
    expect(await ear.exit()).toMatchObject({ code: null, signal: "SIGKILL", vanished: true });
    await gone(pid);
  });

  test("leaves no process, file, folder or cgroup, also after a thousand", async () => {
    const driver = newDriver();
    const opened = () => readdirSync("/proc/self/fd").length;
    const children = () => readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, "utf8");
    const before = { opened: opened(), children: children() };
    driver.warmUp();
    for (let epoch = 1; epoch <= 1004; epoch++) {
      if (epoch <= 1000) driver.start(attemptOf({ command: "exit 0" }, { epoch }));
      if (epoch <= 4) continue;
      const { exited, exit } = await ear.end();
      expect(exit).toMatchObject({ code: 0 });
      await driver.remove(exited);
    }
    await driver.close();
    expect(readdirSync(tasks)).toEqual([]);
    expect(cgroups?.list() ?? []).toEqual([]);
    await until(() => children() === before.children && opened() <= before.opened);
  }, 60_000);

  test("outlives its agent, and the next one tells how it ended", async () => {
    await startedByDeadAgent("echo $$ >pid; while [ ! -e go ]; do sleep 0.02; done; echo done; exit 42");
    const driver = newDriver();
    expect(await driver.recover("7k2m.0@1")).toEqual({ is: "running", startedAtMs: expect.any(Number) });
    driver.watch("7k2m.0@1");
    await pidIn(join(work(), "pid"));
    writeFileSync(join(work(), "go"), "");
    const exit = await ear.exit();
    expect(exit).toMatchObject({ code: 42, signal: null, stdout: { size: 5 } });
    expect(exit.ranMs).toBeGreaterThan(0);
  });

  test("that ended while no agent was there is told from its files", async () => {
    await startedByDeadAgent("echo $$ >pid; exit 9");
    const pid = await pidIn(join(work(), "pid"));
    await gone(statOf(pid)?.group ?? pid);
    let recovered = await newDriver().recover("7k2m.0@1");
    while (recovered.is === "running") recovered = await newDriver().recover("7k2m.0@1");
    expect(recovered).toMatchObject({ is: "ended", exit: { code: 9 } });
  });

  test("that an agent after its own stops by TERM and KILL all the same", async () => {
    await startedByDeadAgent("trap '' TERM; echo $$ >pid; while :; do sleep 0.02; done");
    const pid = await pidIn(join(work(), "pid"));
    const driver = newDriver();
    await driver.recover("7k2m.0@1");
    driver.watch("7k2m.0@1");
    driver.stop("7k2m.0@1", 50);
    expect(await ear.exit()).toMatchObject({ signal: "SIGKILL" });
    await gone(pid);
  });

  test("whose shim was killed without an agent has vanished, and what is left of it is ended", async () => {
    await startedByDeadAgent("echo $PPID >shim; echo $$ >pid; sleep 60");
    const shim = await pidIn(join(work(), "shim"));
    const pid = await pidIn(join(work(), "pid"));
    process.kill(shim, "SIGKILL");
    await gone(shim);
    expect(await newDriver().recover("7k2m.0@1")).toMatchObject({ is: "ended", exit: { vanished: true } });
    await gone(pid);
  });

  test("that was never started is known as such, and a shim that comes late does not start it", async () => {
    const driver = newDriver();
    expect(await driver.recover("7k2m.0@1")).toEqual({ is: "never-started" });
    const folder = join(tasks, "7k2m.0@1");
    mkdirSync(folder);
    writeFileSync(join(folder, "run"), "cgroup -\n");
    expect(await driver.recover("7k2m.0@1")).toEqual({ is: "never-started" });
    expect(existsSync(folder)).toBe(false);
  });

  test("of an earlier boot is not taken for a process of this one", async () => {
    const folder = join(tasks, "7k2m.0@1");
    mkdirSync(folder);
    writeFileSync(join(folder, "run"), `cgroup -\nstart ${process.pid} 999999999.00 another-boot\n`);
    expect(await newDriver().recover("7k2m.0@1")).toEqual({ is: "other-boot" });
    expect(isAlive(process.pid, uptimeMs())).toBe(true);
  });

  test("that no journal knows is ended and swept away", async () => {
    await startedByDeadAgent("echo $$ >pid; sleep 60");
    const pid = await pidIn(join(work(), "pid"));
    expect(await newDriver().sweep(new Set())).toEqual(["7k2m.0@1"]);
    await gone(pid);
    expect(readdirSync(tasks)).toEqual([]);
  });

  // without a cgroup nobody knows that nothing is left of a task
  if (cgroups !== null) {
    test("is given to the shim of one that left nothing, or to another if that was killed", async () => {
      const driver = newDriver();
      const shimOf = async (epoch: number): Promise<number> => {
        const key = `7k2m.0@${epoch}`;
        driver.start(attemptOf({ command: "echo $PPID" }, { epoch }));
        expect(await ear.exit()).toMatchObject({ code: 0 });
        const pid = Number(output("stdout", key));
        await driver.remove(key);
        return pid;
      };
      const first = await shimOf(1);
      expect(await shimOf(2)).toBe(first);
      const name = cgroups.list().find((name) => cgroups.members(name).includes(first)) ?? "";
      process.kill(first, "SIGKILL");
      await until(() => !existsSync(join(tasks, name)));
      expect(await shimOf(3)).not.toBe(first);
    });

    test("that ends after its agent was killed leaves no shim that waits, nor do those without a task", async () => {
      await startedByDeadAgent("echo $$ >pid; while [ ! -e go ]; do sleep 0.02; done");
      expect(cgroups.list().some((name) => !cgroups.isEmpty(name))).toBe(true);
      writeFileSync(join(work(), "go"), "");
      await until(() => cgroups.list().every((name) => cgroups.isEmpty(name)));
      expect(await newDriver().recover("7k2m.0@1")).toMatchObject({ is: "ended", exit: { code: 0 } });
    });

    // without one such a process is not seen
    test("can't leave a process behind by starting a session of its own", async () => {
      const driver = newDriver();
      driver.start(attemptOf({ command: "setsid sh -c 'echo $$ >escaped; sleep 60' & echo $$ >pid; sleep 60" }));
      const escaped = await pidIn(join(work(), "escaped"));
      driver.stop("7k2m.0@1", 20);
      await ear.exit();
      await gone(escaped);
      driver.start(
        attemptOf(
          { command: "(setsid sh -c 'echo $$ >escaped; sleep 60' &); while [ ! -s escaped ]; do :; done" },
          { epoch: 2 },
        ),
      );
      expect(await ear.exit()).toMatchObject({ code: 0 });
      await gone(await pidIn(join(work("7k2m.0@2"), "escaped")));
      await driver.remove("7k2m.0@1");
      await driver.remove("7k2m.0@2");
      await driver.close();
      expect(cgroups.list()).toEqual([]);
    });
  }
});
