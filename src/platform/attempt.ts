/** A call that is made until it is heard: again after a pause that doubles with each failure, or when its outcome is lost. */

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** A call without an outcome was lost. */
const LOST_MS = 30_000;

export class Attempt {
  #inFlightSince: number | null = null;
  #failures = 0;
  #notBefore = Number.NEGATIVE_INFINITY;

  get isInFlight(): boolean {
    return this.#inFlightSince !== null;
  }

  /** A clock that was set back loses a call, and does not keep one waiting. */
  isLost(now: number): boolean {
    const since = this.#inFlightSince;
    return since !== null && (now < since || now - since > LOST_MS);
  }

  mayBegin(now: number): boolean {
    const isPause = now < this.#notBefore && this.#notBefore - now <= LONGEST_PAUSE_MS;
    return !this.isInFlight && !isPause;
  }

  /** @returns whether it leaves now: then it is in flight */
  begins(now: number): boolean {
    if (this.isLost(now)) this.failed(now);
    if (!this.mayBegin(now)) return false;
    this.#inFlightSince = now;
    return true;
  }

  failed(now: number): void {
    this.#inFlightSince = null;
    this.#notBefore = now + Math.min(FIRST_PAUSE_MS * 2 ** this.#failures, LONGEST_PAUSE_MS);
    this.#failures = Math.min(this.#failures + 1, 10);
  }

  heard(): void {
    this.#inFlightSince = null;
    this.#failures = 0;
    this.#notBefore = Number.NEGATIVE_INFINITY;
  }

  /** Heard, and of no effect yet: it is made again, not before that time has passed. */
  pause(now: number, ms: number): void {
    this.failed(now);
    this.#notBefore = Math.max(this.#notBefore, now + ms);
  }

  wantedAt(now: number): number {
    const at = this.#inFlightSince === null ? this.#notBefore : this.#inFlightSince + LOST_MS + 1;
    return Math.min(Math.max(now + 1, at), now + LONGEST_PAUSE_MS);
  }
}
