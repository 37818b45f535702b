/**
 * The clock, the timers and the chance of the thread that a world runs on are the world's own for that time: so code of
 * the Worker, which waits on the platform's, runs here as it is, and nothing in a world can depend on another clock.
 */
import { EPOCH_MS } from "./simObject.ts";
import type { Timer } from "./timeline.ts";
import type { World } from "./world.ts";

/** @returns gives them back */
export function lendTime(world: World): () => void {
  const { timeline } = world;
  const own = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };
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
  Object.assign(globalThis, { setTimeout: after, clearTimeout: cancel });
  Date.now = () => EPOCH_MS + timeline.nowMs;
  Math.random = world.chanceOf("thread").next;
  return () => {
    Object.assign(globalThis, own);
    Date.now = now;
    Math.random = random;
  };
}
