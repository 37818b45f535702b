import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type Interrupts, interrupts } from "./interrupts.ts";

let presses: Interrupts;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
  presses = interrupts(["SIGUSR2"]);
});
afterEach(() => {
  presses.release();
  vi.useRealTimers();
});

it("what npm hands on besides the terminal's own is the same press", () => {
  process.emit("SIGUSR2");
  vi.advanceTimersByTime(20);
  process.emit("SIGUSR2");
  expect(presses.first.aborted).toBe(true);
  expect(presses.second.aborted).toBe(false);
});

it("a press half a second later is the second", () => {
  process.emit("SIGUSR2");
  vi.advanceTimersByTime(500);
  process.emit("SIGUSR2");
  expect(presses.second.aborted).toBe(true);
});
