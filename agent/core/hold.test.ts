import { expect, test } from "vitest";
import { MIN_STOP_AFTER_MS } from "../../src/model/job.ts";
import { GUARD_MARGIN_MS } from "../../src/model/stopping.ts";
import { holdMs } from "./poll.ts";

/** The guard's file may lag by this part of `stopAfter`. */
const GUARD_LAG = 1 / 10;

test("what is renewed hold after hold is never due for TERM, whatever stopAfter and grace a job may have", () => {
  for (let stopAfterMs = MIN_STOP_AFTER_MS; stopAfterMs < 3_600_000; stopAfterMs += 1000) {
    const longestGraceMs = stopAfterMs / 2 - GUARD_MARGIN_MS;
    const termAfterMs = stopAfterMs - longestGraceMs - GUARD_MARGIN_MS;
    // sent a hold before its reply, which is the newest until the next one comes a hold later
    const oldestMs = 2 * holdMs(stopAfterMs) + stopAfterMs * GUARD_LAG;
    expect(oldestMs + 1000).toBeLessThan(termAfterMs);
  }
});
