import { expect, test } from "vitest";
import { SIGNALS, wishOf } from "./signals.ts";

test("the ladder: end, end with tasks, read anew, tell; and again: at once", () => {
  expect(SIGNALS.map((signal) => wishOf(signal, false))).toEqual([
    "leave",
    "leave",
    "leave-with-tasks",
    "reload",
    "tell",
  ]);
  expect(SIGNALS.map((signal) => wishOf(signal, true))).toEqual(["exit", "exit", "exit", "reload", "tell"]);
});
