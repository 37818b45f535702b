/**
 * The clock, the timers and the chance of the thread that a world runs on are the world's own for that time: so code of
 * the Worker, which waits on the platform's, runs here as it is, and nothing in a world can depend on another clock.
 */
import { EPOCH_MS } from "./simObject.ts";
import type { Timer } from "./timeline.ts";
import type { World } from "./world.ts";

interface Interval {
  next: Timer | null;
  unref(): Interval;
}

/** @returns gives them back */
export function lendTime(world: World): () => void {
  const { timeline } = world;
  const { setTimeout, clearTimeout, setInterval, clearInterval } = globalThis;
  const { now } = Date;
  const { random } = Math;
  const after = (run: () => void, delayMs = 0): Timer =>
    timeline.after(Math.max(1, delayMs), () => {
      run();
      timeline.settled();
    });
  const cancel = (timer?: Timer): void => {
    if (timer) timer.cancelled = true;
  };
  const every = (run: () => void, periodMs: number): Interval => {
    const interval: Interval = { next: null, unref: () => interval };
    const again = (): void => {
      interval.next = after(() => {
        again();
        run();
      }, periodMs);
    };
    again();
    return interval;
  };
  const end = (interval?: Interval): void => cancel(interval?.next ?? undefined);
  Object.assign(globalThis, { setTimeout: after, clearTimeout: cancel, setInterval: every, clearInterval: end });
  Date.now = () => EPOCH_MS + timeline.nowMs;
  Math.random = world.chanceOf("thread").next;
  return () => {
    Object.assign(globalThis, { setTimeout, clearTimeout, setInterval, clearInterval });
    Date.now = now;
    Math.random = random;
  };
}
