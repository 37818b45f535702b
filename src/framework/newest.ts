/** The newest of what was added, so many at most. */
export class Newest {
  readonly #most: number;
  readonly #all = new Set<string>();

  constructor(most: number) {
    this.#most = most;
  }

  has(item: string): boolean {
    return this.#all.has(item);
  }

  add(item: string): void {
    this.#all.delete(item);
    this.#all.add(item);
    for (const oldest of this.#all) {
      if (this.#all.size <= this.#most) break;
      this.#all.delete(oldest);
    }
  }
}
