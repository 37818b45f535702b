/** Offers are made once an interval: Mesos' allocation interval. */
export const OFFER_INTERVAL_MS = 1_000;

/** Who waits for an interval, and since when: who does not say so again when offers are made next waits no longer. */
export class Waits {
  #since = new Map<string, number>();
  #before = new Map<string, number>();

  /** Each that still waits must be asked for after this. */
  begin(): void {
    this.#before = this.#since;
    this.#since = new Map();
  }

  /** @returns whether it has waited long enough; then its wait is over */
  isDue(key: string, now: number): boolean {
    // A clock that went back makes nobody wait twice as long.
    const sinceMs = Math.min(this.#before.get(key) ?? now, now);
    if (now - sinceMs >= OFFER_INTERVAL_MS) return true;
    this.#since.set(key, sinceMs);
    return false;
  }

  /** When the first of them has waited long enough; null: nobody waits. */
  get nextAt(): number | null {
    return this.#since.size === 0 ? null : Math.min(...this.#since.values()) + OFFER_INTERVAL_MS;
  }
}
