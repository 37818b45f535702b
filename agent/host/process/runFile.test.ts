import { expect, test } from "vitest";
import { cgroupLine, parseRun } from "./runFile.ts";

const start = "start 42 100.25 some-boot\n";

test("a file without a whole line says nothing", () => {
  expect(parseRun("start 42 100.2")).toMatchObject({ start: null, exit: null, late: false });
});

test("the first start and the first exit count", () => {
  const run = parseRun(`${start}exit 3 101.00\nstart 1 0.00 other\nexit 0 102.00\n`);
  expect(run.start).toEqual({ pid: 42, upMs: 100_250, boot: "some-boot" });
  expect(run.exit).toEqual({ code: 3, signal: null, upMs: 101_000 });
});

test("a command that says `exit 137` is told from one that was killed", () => {
  expect(parseRun(`${start}exit 137 101.00\n`).exit).toMatchObject({ code: 137, signal: null });
  expect(parseRun(`${start}Killed\nexit 137 101.00\n`).exit).toMatchObject({ code: 137, signal: "SIGKILL" });
});

test("a word of the shell in front of the start is no signal", () => {
  const run = parseRun(`sh: 1: cannot create /proc/7/oom_score_adj\n${start}exit 143 101.00\n`);
  expect(run.exit?.signal).toBeNull();
  expect(run.message).toContain("cannot create");
});

test("the first line names the cgroup, and no later one changes that", () => {
  expect(parseRun(`${cgroupLine("warm-1")}${start}cgroup other\n`).cgroup).toBe("warm-1");
  expect(parseRun(`${cgroupLine(null)}${start}`).cgroup).toBeNull();
});

test("a start past the deadline is late", () => {
  expect(parseRun(`${start}late 100.25\n`)).toMatchObject({ late: true, exit: null });
});
