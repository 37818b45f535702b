/** A heap whose entries only ever get worse: the first is looked at, sinks when it got worse, or leaves for good. */
export class Queue<T> {
  readonly #entries: T[];
  readonly #isBefore: (a: T, b: T) => boolean;

  constructor(entries: Iterable<T>, isBefore: (a: T, b: T) => boolean) {
    this.#entries = [...entries].sort((a, b) => (isBefore(a, b) ? -1 : 1));
    this.#isBefore = isBefore;
  }

  first(): T | undefined {
    return this.#entries[0];
  }

  shift(): void {
    const last = this.#entries.pop();
    if (last === undefined || this.#entries.length === 0) return;
    this.#entries[0] = last;
    this.sink();
  }

  /** Puts the first where it belongs now. */
  sink(): void {
    const entries = this.#entries;
    const moved = entries[0];
    if (moved === undefined) return;
    let hole = 0;
    for (;;) {
      let next = 2 * hole + 1;
      const left = entries[next];
      const right = entries[next + 1];
      if (left === undefined) break;
      let better = left;
      if (right !== undefined && this.#isBefore(right, left)) {
        better = right;
        next += 1;
      }
      if (!this.#isBefore(better, moved)) break;
      entries[hole] = better;
      hole = next;
    }
    entries[hole] = moved;
  }
}
