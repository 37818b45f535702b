/** Nodes by number, one bit each: what a framework has refused on ten thousand nodes is 1,250 bytes. */

export class NodeSet {
  #words: Uint32Array;
  #size = 0;

  constructor(numbers: Iterable<number> = []) {
    this.#words = new Uint32Array(0);
    for (const n of numbers) this.add(n);
  }

  get size(): number {
    return this.#size;
  }

  has(n: number): boolean {
    return ((this.#words[n >>> 5] ?? 0) & (1 << (n & 31))) !== 0;
  }

  add(n: number): void {
    const word = n >>> 5;
    if (word >= this.#words.length) this.#grow(word + 1);
    const before = this.#words[word] as number;
    const after = (before | (1 << (n & 31))) >>> 0;
    if (after === before) return;
    this.#words[word] = after;
    this.#size += 1;
  }

  delete(n: number): void {
    if (!this.has(n)) return;
    this.#words[n >>> 5] = ((this.#words[n >>> 5] as number) & ~(1 << (n & 31))) >>> 0;
    this.#size -= 1;
  }

  addAll(other: NodeSet): void {
    if (other.#words.length > this.#words.length) this.#grow(other.#words.length);
    let size = 0;
    for (let i = 0; i < this.#words.length; i++) {
      const word = ((this.#words[i] as number) | (other.#words[i] ?? 0)) >>> 0;
      this.#words[i] = word;
      size += bitsIn(word);
    }
    this.#size = size;
  }

  /** How many of these are in none of the others. */
  sizeWithout(others: readonly NodeSet[]): number {
    if (others.length === 0) return this.#size;
    let size = 0;
    for (let i = 0; i < this.#words.length; i++) size += bitsIn(this.#left(i, others));
    return size;
  }

  /** Those that are in none of the others, ascending. */
  *without(others: readonly NodeSet[]): Generator<number> {
    for (let i = 0; i < this.#words.length; i++) {
      let word = this.#left(i, others);
      while (word !== 0) {
        const bit = 31 - Math.clz32(word & -word);
        yield i * 32 + bit;
        word = (word & (word - 1)) >>> 0;
      }
    }
  }

  [Symbol.iterator](): Generator<number> {
    return this.without([]);
  }

  #left(i: number, others: readonly NodeSet[]): number {
    let word = this.#words[i] as number;
    for (let o = 0; o < others.length && word !== 0; o++) word &= ~((others[o] as NodeSet).#words[i] ?? 0);
    return word >>> 0;
  }

  #grow(words: number): void {
    const grown = new Uint32Array(Math.max(words, Math.ceil(this.#words.length * 1.5)));
    grown.set(this.#words);
    this.#words = grown;
  }
}

function bitsIn(word: number): number {
  let n = word - ((word >>> 1) & 0x55555555);
  n = (n & 0x33333333) + ((n >>> 2) & 0x33333333);
  return (((n + (n >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
}
