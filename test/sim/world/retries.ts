/** How a caller asks an object again after a passing fault, as `withRetries` does, in virtual time. */
import { delayMs, MAX_TRIES } from "../../../src/platform/retry.ts";
import type { Chance } from "./random.ts";
import type { Answer } from "./simObject.ts";
import type { Timeline } from "./timeline.ts";

type Done = (answer: Answer) => void;

/** @param attempt asks once, and may tell more than one answer @param wants false: nobody asks any more */
export function withRetries(
  timeline: Timeline,
  chance: Chance,
  attempt: (done: Done) => void,
  done: Done,
  wants: () => boolean = () => true,
): void {
  let tries = 0;
  const once = (): void => {
    if (!wants()) return;
    tries += 1;
    attempt((answer) => {
      const isFinal = answer.ok || answer.isRetryable !== true || tries >= MAX_TRIES;
      if (isFinal) done(answer);
      else timeline.after(delayMs(tries, chance.next()), once);
    });
  };
  once();
}
