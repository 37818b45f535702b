/** Numbers that rise with each message of an object, over all its lives: reserved by the thousand, so that one costs no row. */
const BLOCK = 1_000;

export class Revs {
  #last: number;
  #reserved: number;
  readonly #reserve: (upTo: number) => void;

  /** @param reserved up to here any may have been given out @param reserve keeps how far they may go now */
  constructor(reserved: number, reserve: (upTo: number) => void) {
    this.#last = reserved;
    this.#reserved = reserved;
    this.#reserve = reserve;
  }

  next(): number {
    this.#last += 1;
    if (this.#last > this.#reserved) {
      this.#reserved += BLOCK;
      this.#reserve(this.#reserved);
    }
    return this.#last;
  }
}
