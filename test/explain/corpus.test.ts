/** Every waiting job has one right reason; and what explain suggests, carried out, starts a task. */
import { describe, expect, test } from "vitest";
import { REASONS } from "../../src/model/reasons.ts";
import { CORPUS } from "./corpus.ts";

test("there are 50 and more, and every reason is among them", () => {
  expect(CORPUS.length).toBeGreaterThanOrEqual(50);
  expect(new Set(CORPUS.map(({ reason }) => reason))).toEqual(new Set(REASONS));
  expect(new Set(CORPUS.map(({ name }) => name)).size).toBe(CORPUS.length);
});

describe.each(CORPUS)("$reason: $name", ({ setup, reason, fix }) => {
  test("is told so, in a sentence, with a funnel", () => {
    const { league, job } = setup();
    const told = league.explain(job);
    expect(told).toMatchObject({ reason, position: expect.any(Number) });
    expect(told.sentence.length).toBeGreaterThan(30);
    expect(told.funnel.length).toBeGreaterThan(1);
    expect(league.view(job).waits).toMatchObject({ reason });
    league.close();
  });

  test(fix === null ? "nothing is suggested but to wait" : "the suggested fix starts it", () => {
    const waits = setup();
    const before = waits.league.live(waits.job);
    const suggested = waits.league.explain(waits.job).fix;
    if (fix === null) {
      expect(suggested).toBeNull();
    } else {
      expect(`${suggested?.text}: ${suggested?.change}`).toMatch(fix.says);
      const job = fix.apply(waits);
      const after = waits.league.live(job);
      expect(after).toBeGreaterThan(job === waits.job ? before : 0);
    }
    waits.league.close();
  });
});
