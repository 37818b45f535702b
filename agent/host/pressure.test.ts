import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { containerMemory, isMemoryLow, Pressure, parseMeminfo, readMemory } from "./pressure.ts";

const GIB_KIB = 1024 * 1024;
const meminfo = (totalGib: number, availableGib: number) =>
  `MemTotal:       ${totalGib * GIB_KIB} kB\nMemFree:         1 kB\nMemAvailable:   ${Math.round(availableGib * GIB_KIB)} kB\n`;
const files = (content: Record<string, string>) => (path: string) => content[path] ?? null;
const v2 = "/sys/fs/cgroup";

test("reads what the kernel thinks is available, not what is free", () => {
  expect(parseMeminfo(meminfo(8, 2))).toEqual({ totalMib: 8192, availableMib: 2048 });
  expect(parseMeminfo("MemTotal: 5 kB\n")).toBe(null);
});

test("a container's limit counts, and pages of files that nobody used lately are not used up", () => {
  const limited = { [`${v2}/memory.max`]: "1073741824\n", [`${v2}/memory.current`]: "1063256064\n" };
  expect(containerMemory(files(limited))).toEqual({ totalMib: 1024, availableMib: 10 });
  const cached = { ...limited, [`${v2}/memory.stat`]: "anon 5\ninactive_file 104857600\n" };
  expect(containerMemory(files(cached))).toEqual({ totalMib: 1024, availableMib: 110 });
});

test("knows version 1 of cgroups, and a limit that is none in both", () => {
  const v1 = (limit: string) => ({
    [`${v2}/memory/memory.limit_in_bytes`]: limit,
    [`${v2}/memory/memory.usage_in_bytes`]: "1048576\n",
  });
  expect(containerMemory(files(v1("2097152\n")))).toEqual({ totalMib: 2, availableMib: 1 });
  expect(containerMemory(files(v1("9223372036854771712\n")))).toBe(null);
  expect(containerMemory(files({ [`${v2}/memory.max`]: "max\n", [`${v2}/memory.current`]: "5\n" }))).toBe(null);
});

test("the tighter one of machine and container counts", () => {
  const both = { "/proc/meminfo": meminfo(8, 4), [`${v2}/memory.max`]: "1048576", [`${v2}/memory.current`]: "0" };
  expect(readMemory(files(both))).toEqual({ totalMib: 1, availableMib: 1 });
});

test("low is a part of a small machine and an amount of a large one, and well again only some way above", () => {
  expect(isMemoryLow({ totalMib: 1000, availableMib: 51 }, false)).toBe(false);
  expect(isMemoryLow({ totalMib: 1000, availableMib: 49 }, false)).toBe(true);
  expect(isMemoryLow({ totalMib: 1000, availableMib: 79 }, true)).toBe(true);
  expect(isMemoryLow({ totalMib: 1000, availableMib: 81 }, true)).toBe(false);
  expect(isMemoryLow({ totalMib: 1_000_000, availableMib: 1025 }, false)).toBe(false);
  expect(isMemoryLow({ totalMib: 1_000_000, availableMib: 1023 }, false)).toBe(true);
});

test("says why nothing new is to come, and stops saying so", () => {
  let availableGib = 4;
  const pressure = new Pressure(tmpdir(), (path) => (path === "/proc/meminfo" ? meminfo(8, availableGib) : null));
  const look = () => pressure.look().filter((reason) => reason !== "disk");
  expect(look()).toEqual([]);
  availableGib = 0.1;
  expect(look()).toEqual(["mem"]);
  availableGib = 0.5;
  pressure.draining = true;
  expect(look()).toEqual(["mem", "draining"]);
  availableGib = 4;
  expect(look()).toEqual(["draining"]);
});
