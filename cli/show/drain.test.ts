import { expect, test } from "vitest";
import { drainText } from "./drain.ts";

const NOW = 1_800_000_000_000;

test.each([
  [null, ""],
  [{ left: 3, deadlineAt: NOW + 580_000, endsAt: null }, "3 left, stopped in 9m40s"],
  [{ left: 1, deadlineAt: NOW - 1, endsAt: null }, "1 left, being stopped"],
  [{ left: 2, deadlineAt: NOW + 60_000, endsAt: NOW + 7_260_000 }, "2 left, stopped in 1m, used again in 2h1m"],
  [{ left: 0, deadlineAt: NOW - 1, endsAt: NOW + 3_600_000 }, "used again in 1h"],
  [{ left: 0, deadlineAt: NOW - 1, endsAt: NOW - 5_000 }, "used again in 0ms"],
  [{ left: 0, deadlineAt: NOW - 1, endsAt: null }, ""],
])("%o reads: %s", (drain, text) => {
  expect(drainText(drain, NOW)).toBe(text);
});
