/**
 * How long a framework has been without a stream: counted in ticks, so that a clock that jumps, or an outage of ours,
 * never removes one early. Each tick is a row and wakes the object: who has long to come back has few of them.
 */
import type { FrameworkMemory } from "./memory.ts";

const MIN_TICK_MS = 5_000;
const MAX_TICK_MS = 300_000;
/** A tick is this part of what is left. */
const TICKS = 20;
/** To come back after the broker itself was away or lost its stream, whatever its failover timeout is. */
export const RESTART_GRACE_MS = 30_000;

export class Away {
  readonly #memory: FrameworkMemory;

  constructor(memory: FrameworkMemory) {
    this.#memory = memory;
  }

  get #leftMs(): number | null {
    const { self, isConnected } = this.#memory;
    if (!self || isConnected || self.state !== "inactive") return null;
    return Math.max(0, self.awayLimitMs - self.disconnectedMs);
  }

  /** @returns whether its time is over */
  tick(now: number): boolean {
    const left = this.#leftMs;
    if (left === null) return false;
    const { known } = this.#memory;
    const passed = now - known.countedAtMs;
    const tick = tickMs(left);
    if (passed >= 0 && passed < tick) return false;
    // A clock that was set back begins the tick anew.
    const counted = Math.max(0, Math.min(passed, tick));
    this.#memory.saveSelf({ ...known, disconnectedMs: known.disconnectedMs + counted, countedAtMs: now });
    return counted >= left;
  }

  *wantedAt(now: number): Generator<number> {
    const left = this.#leftMs;
    if (left === null) return;
    yield Math.max(now + 1, Math.min(this.#memory.known.countedAtMs, now) + tickMs(left));
  }
}

const tickMs = (left: number): number =>
  Math.min(left, Math.max(MIN_TICK_MS, Math.min(Math.ceil(left / TICKS), MAX_TICK_MS)));
