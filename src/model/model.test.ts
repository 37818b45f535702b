import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { argvOf, shellQuote } from "./command.ts";
import { parseConstraint, satisfies } from "./constraints.ts";
import { about, formatDuration, parseDuration } from "./duration.ts";
import {
  attemptKey,
  type Epoch,
  epochOf,
  handoutOf,
  localOf,
  parseAttemptKey,
  parseTaskId,
  type TaskId,
} from "./ids.ts";
import { jobSpecSchema, silenceLimitMs, taskCount, templateOf } from "./job.ts";
import { parseAmount, shortest, timesFits } from "./resources.ts";

test("an epoch rises with the hand-out before it rises with the local number", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 32 }), fc.integer({ min: 0, max: 2 ** 20 - 1 }), (handout, local) => {
      const epoch = epochOf(handout, local);
      expect([handoutOf(epoch), localOf(epoch)]).toEqual([handout, local]);
      expect(epochOf(handout + 1, 0)).toBeGreaterThan(epoch);
    }),
  );
  expect(() => epochOf(1, 2 ** 20)).toThrow(RangeError);
});

test("a task and an attempt are found again in their names", () => {
  expect(parseTaskId("7k2m9qd1aa.12")).toEqual({ job: "7k2m9qd1aa", index: 12 });
  expect(parseTaskId("7k2m")).toBeNull();
  expect(parseAttemptKey(attemptKey("abcd.3" as TaskId, 1048577 as Epoch))).toEqual({ task: "abcd.3", epoch: 1048577 });
});

test.each([
  ["cpus", "0.5", 500],
  ["cpus", 2, 2000],
  ["mem", "128MiB", 128_000],
  ["mem", 64, 64_000],
  ["mem", "1GiB", 1_024_000],
  ["mem", "1GB", 953_675],
  ["gpus", "0.25", 250],
  ["cpus", "1GiB", null],
  ["cpus", "-1", null],
  ["mem", "1e9", null],
  ["cpus", 1e12, null],
])("an amount of %s written %s is %s milli-units", (resource, text, milli) => {
  expect(parseAmount(resource, text)).toBe(milli);
});

test("what fits is counted by the scarcest resource, and that one is named when it is short", () => {
  expect(timesFits({ cpus: 100, mem: 500 }, { cpus: 1000, mem: 1100 })).toBe(2);
  expect(shortest({ cpus: 100, mem: 5000 }, { cpus: 50, mem: 1000 })).toBe("mem");
  expect(shortest({ cpus: 100 }, { cpus: 100 })).toBeNull();
});

test.each([
  ["500ms", 500],
  ["1.5s", 1500],
  ["10m", 600_000],
  ["1m30s", 90_000],
  ["2h", 7_200_000],
  ["10", null],
  ["-1s", null],
  ["", null],
])("a length of time written %s is %s ms", (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test("a length of time is printed as it is read", () => {
  fc.assert(
    fc.property(fc.integer({ min: 60, max: 1_000_000 }), (seconds) => {
      expect(parseDuration(formatDuration(seconds * 1000))).toBe(seconds * 1000);
    }),
  );
});

test("a guess of a time has one figure", () => {
  expect([0, 89_000, 90_000, 5_000_000, 10_000_000, 100_000_000, 200_000_000].map(about)).toEqual([
    "1 s",
    "89 s",
    "2 min",
    "83 min",
    "3 h",
    "28 h",
    "2 days",
  ]);
});

test.each([
  ["arch = x64", true],
  ["arch != x64", false],
  ["arch in arm64, x64", true],
  ["arch not in arm64", true],
  ["cores >= 8", true],
  ["cores < 8", false],
  ["has arch", true],
  ["not has ssd", true],
  ["has ssd", false],
  ["ssd = yes", false],
  ["arch > 3", false],
])("on a node with arch x64 and 8 cores, %s is %s", (text, expected) => {
  const constraint = parseConstraint(text);
  expect(constraint && satisfies({ arch: "x64", cores: "8" }, constraint)).toBe(expected);
});

test.each(["arch x64", "= x64", "cores > many", ""])("%s is not a constraint", (text) => {
  expect(parseConstraint(text)).toBeNull();
});

test("an item reaches the shell as one word, whatever is in it", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "grapheme", maxLength: 20 }).filter((text) => !text.includes("\0")),
      (item) => {
        const [shell, ...args] = argvOf("printf %s {}", item);
        expect(execFileSync(shell as string, args).toString()).toBe(item);
      },
    ),
    { numRuns: 50 },
  );
  expect(shellQuote("it's")).toBe(`'it'\\''s'`);
  expect(argvOf(["echo", "{}-{}"], "a b")).toEqual(["echo", "a b-a b"]);
  expect(argvOf("echo {}", null)).toEqual(["sh", "-c", "echo {}"]);
});

const parse = (spec: object) => jobSpecSchema.safeParse(spec);
const fieldsOf = (spec: object) => parse(spec).error?.issues.map((issue) => issue.path.join(".")) ?? [];

test("a job needs only a command; everything else has a default", () => {
  const spec = parse({ command: "true" });
  expect(spec.success && templateOf(spec.data)).toMatchObject({
    resources: { cpus: 100, mem: 64_000 },
    role: "default",
    retryMax: 0,
    stopAfterMs: 600_000,
    lostAfterMs: silenceLimitMs(600_000),
    driver: "process",
  });
  expect(spec.success && taskCount(spec.data)).toBe(1);
});

test("a wrong field is named", () => {
  expect(fieldsOf({ command: "true", count: 0 })).toEqual(["count"]);
  expect(fieldsOf({ command: "true", count: 2e6 })).toEqual(["count"]);
  expect(fieldsOf({ command: "true", resources: { mem: "lots" } })).toEqual(["resources.mem"]);
  expect(fieldsOf({ command: "true", each: ["a"], count: 1 })).toEqual(["count"]);
  expect(fieldsOf({ command: "" })).toEqual(["command"]);
  expect(fieldsOf({ command: "true", resources: { gpus: 1.5 } })).toEqual(["resources.gpus"]);
  expect(fieldsOf({ command: "true", ports: [80, 80] })).toEqual(["ports"]);
  expect(fieldsOf({ command: "true", count: 10, gang: { size: 4 } })).toEqual(["gang.size"]);
  expect(fieldsOf({ command: "true", count: 2000, gang: true })).toEqual(["gang"]);
  expect(fieldsOf({ command: "true", spread: [] })).toEqual(["spread"]);
  expect(fieldsOf({ command: "true", affinity: ["arch x64"] })).toEqual(["affinity.0"]);
  expect(fieldsOf({ command: "true", priority: 101 })).toEqual(["priority"]);
  expect(parse({ command: "true", retries: 3 }).success).toBe(false);
});

test("what a job says of its places is read into one form, with its defaults", () => {
  const spec = parse({
    command: "true",
    count: 8,
    affinity: ["has ssd", { job: "cache", weight: 20 }],
    antiAffinity: [
      { rule: "zone = a", weight: 10 },
      { job: "self", over: "rack", required: true },
    ],
    spread: "zone",
    ports: [8080],
    resources: { ports: 2 },
    gang: { size: 4, hold: "30s" },
  });
  expect(spec.success && templateOf(spec.data)).toMatchObject({
    preferences: [
      { rule: "has ssd", weight: 50 },
      { job: "cache", over: "node", weight: 20 },
      { rule: "zone = a", weight: -10 },
    ],
    apart: [{ job: "self", over: "rack" }],
    spread: ["zone"],
    ports: [8080],
    resources: { ports: 3000 },
    gang: { size: 4, holdMs: 30_000 },
    priority: 50,
    copies: "at-most-one",
  });
});

test("a replacement that could start while the first still runs is refused, unless copies may be many", () => {
  const disconnect = { stopAfter: "30s", lostAfter: "45s" };
  expect(fieldsOf({ command: "true", disconnect })).toEqual(["disconnect.lostAfter"]);
  expect(parse({ command: "true", disconnect: { stopAfter: "30s", lostAfter: "46s" } }).success).toBe(true);
  expect(parse({ command: "true", disconnect, copies: "at-least-one" }).success).toBe(true);
});

test("keep runs on however long its node is away, and is never replaced", () => {
  const spec = parse({ command: "true", disconnect: "keep" });
  expect(spec.success && templateOf(spec.data)).toMatchObject({ stopAfterMs: null, lostAfterMs: null });
});
