/** A node that is to be empty: it takes nothing new, waits until what runs has ended, or stops it at a deadline. */

/** Longest that a timer can wait. */
export const MAX_DEADLINE_MS = 2 ** 31 - 1;

export interface DrainParts {
  /** from now on nothing new is taken */
  begin(): void;
  /** attempts that are not yet over, told and uploaded */
  left(): number;
  /** called at every change, until the function that it returns is called */
  watch(changed: () => void): () => void;
  /** stops what still runs, and ends the agent with code 0 */
  leave(): Promise<void>;
}

export interface DrainNews {
  left: number;
  /** nothing is left, or the rest is being stopped because the deadline has come */
  over?: "empty" | "deadline";
}

export class Drain {
  readonly #parts: DrainParts;
  readonly #listeners = new Set<(news: DrainNews) => void>();
  #timer: NodeJS.Timeout | undefined;
  #begun = false;
  #left = -1;
  #over = false;

  constructor(parts: DrainParts) {
    this.#parts = parts;
  }

  get begun(): boolean {
    return this.#begun;
  }

  /** @param deadlineMs from now; null: however long it takes. Asked again, the newest deadline holds. */
  start(deadlineMs: number | null, tell: (news: DrainNews) => void): () => void {
    this.#listeners.add(tell);
    clearTimeout(this.#timer);
    if (deadlineMs !== null) this.#timer = setTimeout(() => this.#end("deadline"), deadlineMs);
    if (!this.#begun) {
      this.#begun = true;
      this.#parts.begin();
      const unwatch = this.#parts.watch(() => {
        if (this.#over) unwatch();
        else this.#look();
      });
    }
    tell({ left: this.#parts.left() });
    this.#look();
    return () => this.#listeners.delete(tell);
  }

  #look(): void {
    const left = this.#parts.left();
    if (left === 0) this.#end("empty");
    else if (left !== this.#left) for (const tell of this.#listeners) tell({ left });
    this.#left = left;
  }

  #end(over: "empty" | "deadline"): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    for (const tell of this.#listeners) tell({ left: this.#parts.left(), over });
    void this.#parts.leave();
  }
}
