import { expect, test } from "vitest";
import { Attempt } from "./attempt.ts";

test("it leaves once, and again after pauses that double up to a minute", () => {
  const attempt = new Attempt();
  let now = 0;
  const pauses: number[] = [];
  for (let n = 0; n < 9; n++) {
    expect([attempt.begins(now), attempt.begins(now)]).toEqual([true, false]);
    attempt.failed(now);
    const since = now;
    now = attempt.wantedAt(now);
    expect(attempt.begins(now - 1)).toBe(false);
    pauses.push(now - since);
  }
  expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60].map((s) => s * 1000));
  attempt.heard();
  expect(attempt.begins(now)).toBe(true);
});

test("one whose outcome is lost fails after 30 s", () => {
  const attempt = new Attempt();
  attempt.begins(0);
  expect([attempt.isLost(30_000), attempt.wantedAt(0), attempt.isLost(30_001)]).toEqual([false, 30_001, true]);
  expect([attempt.begins(30_001), attempt.isInFlight, attempt.begins(31_001)]).toEqual([false, false, true]);
});

test("a clock that is set back keeps nothing waiting", () => {
  const attempt = new Attempt();
  attempt.begins(1e12);
  expect(attempt.isLost(1e9)).toBe(true);
  attempt.failed(1e12);
  expect(attempt.begins(1e9)).toBe(true);
});

test("what was heard and had no effect is asked again after the pause that is given", () => {
  const attempt = new Attempt();
  attempt.begins(0);
  attempt.pause(0, 10_000);
  expect([attempt.begins(9_999), attempt.begins(10_000)]).toEqual([false, true]);
});
