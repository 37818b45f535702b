/**
 * How long a framework has been without a stream: counted in ticks, so that a clock that jumps, or an outage of ours,
 * never removes one early.
 */
import type { FrameworkMemory } from "./memory.ts";

const TICK_MS = 5_000;
/** To come back after the broker itself was away or lost its stream, whatever its failover timeout is. */
export const RESTART_GRACE_MS = 30_000;

export class Away {
  readonly #memory: FrameworkMemory;
  #lastTickAt: number;

  constructor(memory: FrameworkMemory, now: number) {
    this.#memory = memory;
    this.#lastTickAt = now;
  }

  get #leftMs(): number | null {
    const { self, isConnected } = this.#memory;
    if (!self || isConnected || self.state !== "inactive") return null;
    return Math.max(0, self.awayLimitMs - self.disconnectedMs);
  }

  begin(now: number): void {
    this.#lastTickAt = now;
  }

  /** @returns whether its time is over */
  tick(now: number): boolean {
    const left = this.#leftMs;
    if (left === null) return false;
    const ticked = Math.max(0, Math.min(now - this.#lastTickAt, TICK_MS, left));
    this.#lastTickAt = now;
    if (ticked > 0) this.#memory.countAway(this.#memory.known.disconnectedMs + ticked);
    return ticked >= left;
  }

  *wantedAt(now: number): Generator<number> {
    const left = this.#leftMs;
    // A clock that was set back begins the tick anew.
    const since = Math.min(this.#lastTickAt, now);
    if (left !== null) yield Math.max(now + 1, since + Math.min(TICK_MS, left));
  }
}
