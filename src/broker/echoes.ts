/**
 * What a round grants is charged and offered, so what it grants may itself be what the next one weighs otherwise, to and
 * fro. Reports that tell nothing but what a round brought about are followed by one at once only so often.
 */

/** Rounds at once, for each cluster of the league, before the next has to wait. */
const MOST_A_CLUSTER = 16;
/** News may be answered, and the answers, so often in a row before it counts: most leagues come to rest within that. */
const ANSWERED_AT_ONCE = 3;
/** After so long there may be one more. */
const FORGOTTEN_AFTER_MS = 2_000;
/** What comes so long after a round is no echo of it. */
const ECHOED_WITHIN_MS = 250;

export class Echoes {
  #count = 0;
  #countedAt = Number.NEGATIVE_INFINITY;
  #decidedAt = Number.NEGATIVE_INFINITY;
  /** so many rounds in a row were made of what the one before brought about, and the next is */
  #answers = 0;
  #isAnswer = false;

  /** A round was made, whatever for. */
  decided(now: number): void {
    this.#decidedAt = now;
    this.#answers = this.#isAnswer ? this.#answers + 1 : 0;
    this.#isAnswer = false;
  }

  /** @returns whether a round may follow at once what only tells how an earlier one is taken */
  mayFollow(now: number, clusters: number): boolean {
    const sinceMs = now - this.#decidedAt;
    if (sinceMs < 0 || sinceMs >= ECHOED_WITHIN_MS) return true;
    this.#isAnswer = true;
    if (this.#answers < ANSWERED_AT_ONCE) return true;
    const passedMs = Math.max(0, now - this.#countedAt);
    const left = Math.max(0, this.#count - passedMs / FORGOTTEN_AFTER_MS);
    if (left + 1 > MOST_A_CLUSTER * clusters) return false;
    this.#count = left + 1;
    this.#countedAt = now;
    return true;
  }
}
