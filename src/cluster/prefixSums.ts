/** Amounts in a row, and the sum of the first of them: both a change and a sum cost the logarithm of their number. */

const LEAST_SIZE = 64;

export class PrefixSums {
  /** of position i, the sum of as many up to there as its lowest set bit says (Fenwick) */
  #tree = new Float64Array(LEAST_SIZE + 1);
  #values = new Float64Array(LEAST_SIZE);
  total = 0;

  add(position: number, amount: number): void {
    if (position >= this.#values.length) this.#grow(position);
    this.#values[position] = this.at(position) + amount;
    this.total += amount;
    for (let i = position + 1; i < this.#tree.length; i += i & -i) this.#tree[i] = (this.#tree[i] as number) + amount;
  }

  at(position: number): number {
    return this.#values[position] ?? 0;
  }

  /** Of all up to the position, itself included. */
  upTo(position: number): number {
    if (position >= this.#values.length) return this.total;
    let sum = 0;
    for (let i = position + 1; i > 0; i -= i & -i) sum += this.#tree[i] as number;
    return sum;
  }

  #grow(position: number): void {
    const values = new Float64Array(2 ** Math.ceil(Math.log2(position + 2)));
    values.set(this.#values);
    this.#values = values;
    this.#tree = new Float64Array(values.length + 1);
    for (const [at, amount] of values.entries()) {
      const i = at + 1;
      this.#tree[i] = (this.#tree[i] as number) + amount;
      const above = i + (i & -i);
      if (above < this.#tree.length) this.#tree[above] = (this.#tree[above] as number) + (this.#tree[i] as number);
    }
  }
}
