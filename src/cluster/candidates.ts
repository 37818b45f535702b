/**
 * Finds those of a kind without looking at everything: what may have become one is added, and what is none any more is
 * forgotten when it is looked at.
 */
export class Candidates<T> {
  readonly #maybe = new Set<T>();
  readonly #isOne: (item: T) => boolean;

  constructor(isOne: (item: T) => boolean) {
    this.#isOne = isOne;
  }

  add(item: T): void {
    this.#maybe.add(item);
  }

  delete(item: T): void {
    this.#maybe.delete(item);
  }

  /** Items that are added meanwhile are seen too. */
  *[Symbol.iterator](): Generator<T> {
    for (const item of this.#maybe) {
      if (this.#isOne(item)) yield item;
      else this.#maybe.delete(item);
    }
  }

  hasAny(): boolean {
    for (const _ of this) return true;
    return false;
  }
}
