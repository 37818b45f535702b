import { expect, test } from "vitest";
import {
  DEFAULT_LIMITS,
  type Knobs,
  limitHealth,
  limitsOf,
  NO_LIMITS,
  parseLimit,
  wasOutOfMemory,
  writesOf,
} from "./limits.ts";

const MIB = 2 ** 20;
const knobs = (controller: Knobs["controller"], version: 1 | 2): Knobs => ({ controller, version, swap: true });
const mem = (mib: number) => ({ ...NO_LIMITS, memBytes: mib * MIB });
const cpus = (milliCpus: number) => ({ ...NO_LIMITS, milliCpus });

test("amounts are whole pages, and leave room for the shim", () => {
  expect(limitsOf({ cpus: 500, mem: 64_000, licences: 1000 })).toEqual({ milliCpus: 500, memBytes: 64 * MIB });
  expect((limitsOf({ mem: 10_001 }).memBytes ?? 1) % 4096).toBe(0);
  expect(limitsOf({ mem: 10_001 }).memBytes).toBeGreaterThan(10 * MIB);
  expect(limitsOf({ mem: 1 }).memBytes).toBe(4 * MIB);
  expect(limitsOf({})).toEqual(NO_LIMITS);
});

test("nothing is written for what is so already", () => {
  for (const version of [1, 2] as const)
    for (const controller of ["cpu", "memory"] as const) {
      const limits = { ...mem(64), ...cpus(500), memBytes: 64 * MIB };
      expect(writesOf(knobs(controller, version), limits, limits, DEFAULT_LIMITS)).toEqual([]);
    }
});

test("in version 1 memory with swap is raised first and lowered last", () => {
  const files = (to: typeof NO_LIMITS, from: typeof NO_LIMITS) =>
    writesOf(knobs("memory", 1), to, from, DEFAULT_LIMITS).map(([file, text]) => `${file}=${text}`);
  const [most, both] = ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"];
  expect(files(mem(1), NO_LIMITS)).toEqual([`${most}=${MIB}`, `${both}=${MIB}`]);
  expect(files(mem(2), mem(1))).toEqual([`${both}=${2 * MIB}`, `${most}=${2 * MIB}`]);
  expect(files(NO_LIMITS, mem(1))).toEqual([`${both}=-1`, `${most}=-1`]);
});

test("in version 2 a task that has a limit may not swap past it", () => {
  const files = (to: typeof NO_LIMITS) => writesOf(knobs("memory", 2), to, mem(3), DEFAULT_LIMITS);
  expect(files(mem(1))).toEqual([
    ["memory.max", String(MIB)],
    ["memory.swap.max", "0"],
  ]);
  expect(files(NO_LIMITS)).toEqual([
    ["memory.max", "max"],
    ["memory.swap.max", "max"],
  ]);
});

test("cpus are a weight, and a quota where that is wanted", () => {
  const quota = { ...DEFAULT_LIMITS, cpuQuota: true };
  expect(writesOf(knobs("cpu", 1), cpus(500), NO_LIMITS, DEFAULT_LIMITS)).toEqual([["cpu.shares", "512"]]);
  expect(writesOf(knobs("cpu", 2), cpus(500), NO_LIMITS, DEFAULT_LIMITS)).toEqual([["cpu.weight", "50"]]);
  expect(writesOf(knobs("cpu", 1), cpus(500), NO_LIMITS, quota)[1]).toEqual(["cpu.cfs_quota_us", "50000"]);
  expect(writesOf(knobs("cpu", 2), cpus(500), NO_LIMITS, quota)[1]).toEqual(["cpu.max", "50000 100000"]);
  expect(writesOf(knobs("cpu", 2), cpus(0), NO_LIMITS, quota)).toEqual([
    ["cpu.weight", "1"],
    ["cpu.max", "1000 100000"],
  ]);
  expect(writesOf(knobs("cpu", 2), cpus(500_000), NO_LIMITS, DEFAULT_LIMITS)).toEqual([["cpu.weight", "10000"]]);
});

test("a kill is for want of memory only where the cgroup itself was full", () => {
  const files = (texts: Record<string, string>) => (file: string) => texts[file] ?? "";
  const v2 = (oom: number, kills: number) =>
    wasOutOfMemory(2, files({ "memory.events": `low 0\nmax 9\noom ${oom}\noom_kill ${kills}\noom_group_kill 0\n` }));
  expect([v2(1, 1), v2(1, 0), v2(0, 1)]).toEqual([true, false, false]);
  const v1 = (kills: number, most: number, limit: string) =>
    wasOutOfMemory(
      1,
      files({
        "memory.oom_control": `oom_kill_disable 0\nunder_oom 0\noom_kill ${kills}\n`,
        "memory.max_usage_in_bytes": `${most}\n`,
        "memory.limit_in_bytes": `${limit}\n`,
      }),
    );
  expect([v1(1, 99, "100"), v1(0, 100, "100"), v1(1, 10, "100"), v1(1, 99, "9223372036854771712")]).toEqual([
    ...[true, false, false, false],
  ]);
});

test("no limit has a word in version 2 and a number in version 1", () => {
  expect([parseLimit("max\n"), parseLimit("9223372036854771712\n"), parseLimit("1048576\n")]).toEqual([
    ...[null, null, MIB],
  ]);
});

test("what can't be limited is said", () => {
  expect(limitHealth([], DEFAULT_LIMITS)).toEqual({
    limits: [],
    detail: "cpus not limited, mem not limited, pids not limited",
  });
  expect(limitHealth(["cpu", "memory", "pids"], DEFAULT_LIMITS)).toEqual({
    limits: ["mem", "pids"],
    detail: "cpus by weight, mem, 4096 pids",
  });
  expect(limitHealth(["cpu", "memory", "pids"], { pids: 9, cpuQuota: true }).limits).toEqual(["cpus", "mem", "pids"]);
});
