/**
 * All that need not have happened in a world: faults, and what people want. Each has a name of its own, so that a story
 * that fails can be told again with some of them left out.
 */
export class Happenings {
  readonly faults = new Map<string, number>();
  /** what people wanted; what must be wanted for all to end is no happening */
  readonly wishes = new Map<string, number>();
  /** names, oldest first */
  readonly told: string[] = [];
  readonly #times = new Map<string, number>();
  readonly #only: ReadonlySet<string> | null;

  /** @param only what may happen; null: all of it */
  constructor(only: ReadonlySet<string> | null) {
    this.#only = only;
  }

  /** @returns false: it is left out */
  strikes(kind: string, whom = ""): boolean {
    return this.#happens(kind, whom, this.faults);
  }
  /** @returns false: it is left out */
  isWanted(kind: string, what = ""): boolean {
    return this.#happens(kind, what, this.wishes);
  }

  /** It only came of others. */
  note(kind: string): void {
    this.wishes.set(kind, (this.wishes.get(kind) ?? 0) + 1);
  }

  #happens(kind: string, whom: string, counts: Map<string, number>): boolean {
    const what = whom === "" ? kind : `${kind} ${whom}`;
    const times = (this.#times.get(what) ?? 0) + 1;
    this.#times.set(what, times);
    const name = times === 1 ? what : `${what} #${times}`;
    if (this.#only !== null && !this.#only.has(name)) return false;
    this.told.push(name);
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
    return true;
  }
}
