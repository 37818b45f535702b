import { expect, test } from "vitest";
import type { Deadline } from "../../core/types.ts";
import { deadlinesText, entriesOf, mustWrite, parseDeadlines } from "./deadlines.ts";

const deadline = (key: string, deadlineMs: number | null, stopAfterMs: number | null = 100_000): Deadline => ({
  key,
  deadlineMs,
  termAtMs: deadlineMs === null ? null : deadlineMs - 15_000,
  stopAfterMs,
});
const agent = { pid: 7, seenMs: 12_340, boot: "b1" };

test("what is written is what is read in the same boot, and nothing in another", () => {
  const entries = entriesOf([deadline("a.0@1", 500_000), deadline("a.1@1", null, null)]);
  const text = deadlinesText(agent, entries);
  expect(text).toBe("agent 7 1234 b1\n48500 49700 a.0@1\n");
  expect(parseDeadlines(text, "b1")).toEqual(entries);
  expect(parseDeadlines(text, "b2").size).toBe(0);
});

test("a torn or foreign file is read as far as it goes", () => {
  expect(parseDeadlines("", "b1").size).toBe(0);
  expect(parseDeadlines("agent 7 1234 b1\n48500 49", "b1").size).toBe(0);
});

test("TERM never comes after KILL, however long the grace", () => {
  const [entry] = entriesOf([{ key: "a.0@1", deadlineMs: 10_000, termAtMs: 9_000, stopAfterMs: 30_000 }]).values();
  expect(entry).toEqual({ termAtMs: 7_000, killAtMs: 7_000 });
});

test("a new attempt and an earlier deadline are told at once", () => {
  const stored = entriesOf([deadline("a.0@1", 500_000)]);
  expect(mustWrite(stored, [deadline("a.0@1", 500_000), deadline("a.1@1", 500_000)])).toBe(true);
  expect(mustWrite(stored, [deadline("a.0@1", 499_990)])).toBe(true);
});

test("a renewal waits until the file lags by a tenth of stopAfter, and an end is not told", () => {
  const stored = entriesOf([deadline("a.0@1", 500_000), deadline("a.1@1", 500_000)]);
  expect(mustWrite(stored, [deadline("a.0@1", 510_000)])).toBe(false);
  expect(mustWrite(stored, [deadline("a.0@1", 510_001)])).toBe(true);
  expect(mustWrite(stored, [])).toBe(false);
});
