/** What is the sandbox's own: what a task in it sees, may write, and may become. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Exit } from "../../core/types.ts";
import { attemptOf } from "../process/attempt.fixture.ts";
import { driverFor, testCgroups } from "../process/driver.fixture.ts";
import { makePassable } from "../process/folder.ts";
import { taskUser } from "../process/user.ts";
import { mountTable, outermost, parseMounts } from "./view.ts";

const user = taskUser(null);
const cgroups = testCgroups(`test-sandbox-view-${process.pid}`);

describe.skipIf(process.getuid?.() !== 0)("a task in a sandbox", () => {
  // not below /tmp, of which every sandbox has its own anyhow
  let data: string;
  let tasks: string;

  const outputOf = async (command: string, epoch = 1, env = {}): Promise<string[]> => {
    const ended = Promise.withResolvers<Exit>();
    const driver = driverFor(
      "sandbox",
      tasks,
      cgroups,
      {
        started: () => {},
        startFailed: (_key, message) => ended.reject(new Error(message)),
        exited: (_key, exit) => ended.resolve(exit),
      },
      [data],
    );
    driver.start(attemptOf({ command, env }, { epoch }));
    await ended.promise;
    await driver.close();
    return readFileSync(join(tasks, `7k2m.0@${epoch}`, "stdout"), "utf8")
      .split("\n")
      .slice(0, -1);
  };

  beforeEach(() => {
    data = mkdtempSync("/var/lib/hansa-sandbox-");
    chmodSync(data, 0o755);
    tasks = join(data, "tasks");
    makePassable(tasks, user);
    writeFileSync(join(data, "node.json"), "secret");
    mkdirSync(join(tasks, "other@1"));
  });
  afterEach(async () => {
    await driverFor("sandbox", tasks, cgroups, {
      started: () => {},
      startFailed: () => {},
      exited: () => {},
    }).sweep(new Set());
    rmSync(data, { recursive: true });
  });
  afterAll(() => cgroups?.removeAll());

  test("is the tasks' user without any right, and can get none", async () => {
    expect(await outputOf("id -u; id -G; grep -E '^(Cap|NoNewPrivs)' /proc/self/status | tr '\\t' ' '")).toEqual([
      ...[String(user.uid), String(user.gid)],
      ...["Inh", "Prm", "Eff", "Bnd", "Amb"].map((set) => `Cap${set}: 0000000000000000`),
      "NoNewPrivs: 1",
    ]);
  });

  test("sees only its own processes, and can't look into the one above it", async () => {
    const [pids = "", ...rest] = await outputOf(
      "echo $(ls /proc | grep -c '^[0-9]'); cat /proc/1/environ /proc/1/fd/2 2>/dev/null; ls /proc/1/root/ 2>/dev/null; echo end",
    );
    expect(Number(pids)).toBeLessThan(8);
    expect(rest).toEqual(["end"]);
  });

  test("can write to its work folder and temporary ones of its own, and nowhere else", async () => {
    writeFileSync("/var/tmp/hansa-sandbox-outside", "");
    const places = ["$HOME", "/tmp", "/var/tmp", "/dev/shm", "/", "/etc", "/usr", "/var/lib", "/run", "/dev", data];
    const lines = await outputOf(
      `for at in ${places.join(" ")}; do touch $at/mine 2>/dev/null && echo $at; done; ls -A /var/tmp; find / -xdev -type d -writable 2>/dev/null`,
    );
    rmSync("/var/tmp/hansa-sandbox-outside");
    expect(lines).toEqual(["/tmp/work", "/tmp", "/var/tmp", "/dev/shm", "mine", "/tmp", "/var/tmp"]);
  });

  test("is tried with the path that tasks are started with, not the agent's own", async () => {
    const { PATH } = process.env;
    process.env.PATH = "/usr/bin:/bin";
    const driver = driverFor("sandbox", tasks, cgroups, { started: () => {}, startFailed: () => {}, exited: () => {} });
    const health = await driver.probe().finally(() => {
      process.env.PATH = PATH;
    });
    expect(health).toMatchObject({ healthy: true });
  });

  test("sees neither the agent's data nor other tasks", async () => {
    expect(await outputOf(`ls -A ${data}; cat ${data}/node.json; ls -A ${tasks}; echo end`)).toEqual(["end"]);
  });

  test("keeps what it writes to its work folder, and its environment does not reach what prepares it", async () => {
    const env = { PATH: "/nowhere", LD_PRELOAD: "/nowhere/evil.so", IFS: "x" };
    expect(await outputOf("echo $PATH; echo $LD_PRELOAD >mine; pwd", 1, env)).toEqual(["/nowhere", "/tmp/work"]);
    expect(readFileSync(join(tasks, "7k2m.0@1", "work", "mine"), "utf8")).toBe("/nowhere/evil.so\n");
  });
});

const MOUNTS = [
  "20 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw",
  "21 20 0:5 / /dev rw,nosuid - devtmpfs udev rw",
  "22 20 0:6 / /proc rw,nosuid,nodev,noexec - proc proc rw",
  "23 20 0:7 / /proc/sys/fs/binfmt_misc rw - autofs systemd-1 rw",
  "24 20 8:2 / /usr rw,nodev,noatime - ext4 /dev/sda2 rw",
  "25 20 0:8 / /tmp rw - tmpfs tmpfs rw",
].join("\n");

test("the table shows what is stored, keeps what a mount forbids, and hides last", () => {
  const table = mountTable(parseMounts(MOUNTS), { root: "/r r", hidden: ["/usr/lib"], recursive: false });
  const lines = table.trimEnd().split("\n");
  expect(lines.slice(0, 4)).toEqual([
    "/ /r\\040r none bind,ro,nosuid,relatime 0 0",
    "/dev /r\\040r/dev none bind,ro,nosuid 0 0",
    "/usr /r\\040r/usr none bind,ro,nosuid,nodev,noatime 0 0",
    "proc /r\\040r/proc proc nosuid,nodev,noexec 0 0",
  ]);
  expect(lines).toContain("tmpfs /r\\040r/usr/lib tmpfs nosuid,nodev,mode=755 0 0");
  expect(lines.at(-1)).toMatch(/^work .*tmp\/work none bind,.*X-mount.mkdir /);
});

test("of nested folders the outermost is hidden", () => {
  expect(outermost(["/a/b", "/a", "/ab", "/a"])).toEqual(["/a", "/ab"]);
});
