/** Tells the Broker the level: after each change until it is confirmed, and now and then while it holds offers. */
import { Attempt } from "../platform/attempt.ts";
import type { ObjectRef } from "../platform/seam.ts";
import type { FrameworkAnswer, FrameworkLevel } from "../protocol/frameworks.ts";
import type { FrameworkMemory } from "./memory.ts";
import { levelOf } from "./wishes.ts";

const AGAIN_MS = 180_000;
/** In a period it is told within so long. */
const WITHIN_MS = 30_000;

export class BrokerLine {
  readonly #memory: FrameworkMemory;
  readonly #phaseMs: number;
  readonly #attempt = new Attempt();
  #sentRev = 0;
  /** the Broker asks, or may have forgotten */
  #isDue = false;
  #lastPeriod: number | null = null;

  constructor(memory: FrameworkMemory) {
    this.#memory = memory;
    // Not all frameworks of a league at once; one that wakes anew asks for the same alarm.
    let sum = 0;
    for (const char of memory.id) sum = (sum * 31 + char.charCodeAt(0)) % AGAIN_MS;
    this.#phaseMs = sum;
  }

  demand(): void {
    this.#isDue = true;
  }

  #isOpen(): boolean {
    const { self } = this.#memory;
    return self !== null && (this.#isDue || self.toldRev !== self.rev);
  }

  /** @param isAlarm whether the time to tell it again may have come */
  send(now: number, isAlarm: boolean): void {
    const { self } = this.#memory;
    if (!self) return;
    if (isAlarm && self.state === "active" && this.#isTime(now)) this.#isDue = true;
    if (this.#attempt.isLost(now)) this.#fail(now);
    if (!this.#isOpen() || !this.#attempt.begins(now)) return;
    this.#isDue = false;
    this.#lastPeriod = this.#periodOf(now);
    this.#sentRev = self.rev;
    this.#memory.platform.call(this.#ref(), "framework", levelOf(this.#memory.id, self));
  }

  #periodOf(now: number): number {
    return Math.floor((now - this.#phaseMs) / AGAIN_MS);
  }

  /** An object that wakes for something else does not know when it told it last. */
  #isTime(now: number): boolean {
    if (this.#lastPeriod !== null) return this.#periodOf(now) !== this.#lastPeriod;
    return now - this.#phaseMs - this.#periodOf(now) * AGAIN_MS < WITHIN_MS;
  }

  #ref(): ObjectRef {
    return { kind: "broker", league: this.#memory.platform.self.league, name: "" };
  }

  #fail(now: number): void {
    this.#attempt.failed(now);
    this.#isDue = true;
  }

  /** @param answer null: nobody knows whether it was heard */
  answered(level: FrameworkLevel, answer: FrameworkAnswer | null, now: number): void {
    const { self } = this.#memory;
    if (!self) return;
    const isAwaited = this.#attempt.isInFlight && this.#sentRev === level.rev;
    if (!answer) {
      if (isAwaited) this.#fail(now);
      return;
    }
    // One that comes after it was taken for lost says as much.
    if (level.rev < self.toldRev) return;
    if (isAwaited || !this.#attempt.isInFlight) this.#attempt.heard();
    if (level.rev === self.rev) this.#isDue = false;
    const isBehind = answer.rev > level.rev;
    const rev = isBehind ? Math.max(self.rev, answer.rev + 1) : self.rev;
    const toldRev = isBehind ? self.toldRev : level.rev;
    const isSame = rev === self.rev && toldRev === self.toldRev;
    if (isSame && answer.clusters.join() === self.clusters.join()) return;
    this.#memory.saveSelf({ ...self, rev, toldRev, clusters: answer.clusters });
  }

  *wantedAt(now: number): Generator<number> {
    if (this.#attempt.isInFlight || this.#isOpen()) yield this.#attempt.wantedAt(now);
    if (this.#memory.self?.state === "active") yield (this.#periodOf(now) + 1) * AGAIN_MS + this.#phaseMs;
  }
}
