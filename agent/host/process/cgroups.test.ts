/** Cgroups as files, for what a machine with other trees than this one would be told. On real ones: the drivers' suite. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Cgroups, openCgroups } from "./cgroups.ts";
import { NO_LIMITS } from "./limits.ts";
import { taskUser } from "./user.ts";

const own = { ...taskUser(null), ids: {} };
const HASH = "abcd";

describe("in a tree of version 2", () => {
  let mount: string;
  const folder = (...parts: string[]) => join(mount, "hansa.slice", ...parts);
  const read = (...parts: string[]) => readFileSync(folder(...parts), "utf8");
  const open = () => {
    const opened = openCgroups(HASH, own, { pids: 99, cpuQuota: false }, [{ mount, version: 2, controllers: [] }]);
    if (!(opened instanceof Cgroups)) throw new Error(opened.missing);
    return opened;
  };
  const hasControllers = (path: string, has: string, handsDown = "") => {
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, "cgroup.controllers"), `${has}\n`);
    writeFileSync(join(path, "cgroup.subtree_control"), `${handsDown}\n`);
  };

  beforeEach(() => {
    mount = mkdtempSync(join(tmpdir(), "hansa-cgroups-"));
  });
  afterEach(() => rmSync(mount, { recursive: true }));

  const asRoot = process.getuid?.() === 0;
  test.skipIf(!asRoot)("controllers are handed down to the tasks, and all their limits are in one folder", () => {
    hasControllers(mount, "cpu io memory pids", "cpu memory pids");
    hasControllers(folder(), "cpu memory pids");
    hasControllers(folder(HASH), "cpu memory pids");
    const cgroups = open();
    expect(cgroups.controllers).toEqual(["cpu", "memory", "pids"]);
    expect(cgroups.trees).toBe(1);
    // what the kernel takes as one word at a time
    expect(read("cgroup.subtree_control")).toMatch(/^\+(cpu|memory|pids)$/);
    expect(read(HASH, "cgroup.subtree_control")).toMatch(/^\+(cpu|memory|pids)$/);
    const opened: number[] = [];
    cgroups.create("one", opened);
    expect(opened).toHaveLength(1);
    cgroups.limit("one", { milliCpus: 500, memBytes: 2 ** 20 }, NO_LIMITS);
    expect(["memory.max", "cpu.weight", "pids.max"].map((file) => read(HASH, "one", file))).toEqual([
      ...["1048576", "50", "99"],
    ]);
  });

  test.skipIf(!asRoot)("a controller that does not arrive is not said to limit anything", () => {
    hasControllers(mount, "cpu memory pids", "cpu memory pids");
    hasControllers(folder(), "cpu memory pids", "memory");
    hasControllers(folder(HASH), "memory", "memory");
    expect(open().controllers).toEqual(["memory"]);
  });

  test("a task that was at its limit is told from one that was not", () => {
    const cgroups = new Cgroups(mount, [{ base: mount, knobs: [{ controller: "memory", version: 2, swap: false }] }]);
    mkdirSync(join(mount, "one"));
    writeFileSync(join(mount, "one", "memory.max"), "1048576\n");
    const events = (oom: number, kills: number) =>
      writeFileSync(join(mount, "one", "memory.events"), `oom ${oom}\noom_kill ${kills}\n`);
    events(0, 0);
    expect(cgroups.outOfMemory("one")).toBeNull();
    events(0, 1);
    expect(cgroups.outOfMemory("one")).toBeNull();
    events(1, 1);
    expect(cgroups.outOfMemory("one")).toEqual({ limitBytes: 1_048_576 });
    expect(cgroups.outOfMemory("gone")).toBeNull();
  });
});

test("removes all of it, also what a probe could not remove at once", () => {
  const base = mkdtempSync(join(tmpdir(), "hansa-cgroups-"));
  for (const name of ["probe", "guard", "warm-1"]) mkdirSync(join(base, name));
  expect(new Cgroups(base).removeAll()).toBe(true);
  expect(existsSync(base)).toBe(false);
});

test("without any hierarchy it is said that there is none", () => {
  expect(openCgroups(HASH, own, undefined, [])).toEqual({ missing: "no cgroup hierarchy is mounted" });
});
