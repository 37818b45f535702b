/**
 * A linear program whose columns are too many to write down: the simplex method asks for columns that are worth more than
 * what they use costs at the present prices, until there are none (Gilmore and Gomory, 1961). Maximizes; every limit holds.
 */

export interface Column {
  /** indices of limits and how much of each one unit of the column uses */
  rows: readonly number[];
  amounts: readonly number[];
  worth: number;
}

export interface Used<C extends Column> {
  column: C;
  times: number;
}

/** Steps of calculation that may still be done, about a nanosecond each; what does them counts them. */
export interface Budget {
  steps: number;
}

const EPSILON = 1e-7;

/**
 * @param limits none below 0
 * @param known columns to begin with
 * @param propose at prices by limit, the columns that promise most; the same ones again when there are no better
 * @returns the columns in use, within the limits; not the best when the budget did not do
 */
export function maximize<C extends Column>(
  limits: readonly number[],
  known: readonly C[],
  propose: (prices: Float64Array) => readonly C[],
  budget: Budget,
): { used: Used<C>[]; isBest: boolean } {
  const table = new Tableau<C>(limits, budget);
  while (table.improve(known));
  while (table.improve(propose(table.prices)));
  return { used: table.used(), isBest: budget.steps > 0 };
}

class Tableau<C extends Column> {
  readonly prices: Float64Array;
  private readonly budget: Budget;
  private readonly size: number;
  private readonly inverse: Float64Array;
  private readonly values: Float64Array;
  private readonly basis: (C | null)[];
  private readonly entering: Float64Array;
  /** of the row that leaves, those that are not 0 */
  private readonly columns: Int32Array;

  /** Limits are a little wider, each by another amount, so that no two run out at once: the method can't turn in circles. */
  constructor(limits: readonly number[], budget: Budget) {
    this.budget = budget;
    this.size = limits.length;
    this.prices = new Float64Array(this.size);
    this.inverse = new Float64Array(this.size * this.size);
    this.values = Float64Array.from(limits, (limit, row) => limit + (1e-5 * ((row * 7919) % 1009)) / 1009);
    this.basis = Array<C | null>(this.size).fill(null);
    this.columns = new Int32Array(this.size);
    this.entering = new Float64Array(this.size);
    for (let row = 0; row < this.size; row += 1) this.inverse[row * this.size + row] = 1;
  }

  used(): Used<C>[] {
    return this.basis.flatMap((column, row) =>
      column === null ? [] : [{ column, times: this.values[row] as number }],
    );
  }

  /** @returns whether one of them came in, or a limit need not be reached any more */
  improve(columns: readonly C[]): boolean {
    let isBetter = false;
    for (const column of columns) if (this.enter(column)) isBetter = true;
    while (this.enterSlack()) isBetter = true;
    return isBetter;
  }

  /** @returns whether it is worth more than it costs and came in */
  private enter(column: C): boolean {
    let gain = column.worth;
    column.rows.forEach((row, index) => {
      gain -= (this.prices[row] as number) * (column.amounts[index] as number);
    });
    return gain > EPSILON && this.pivot(column, column.rows, column.amounts, gain);
  }

  /** A limit whose price fell below 0 need not be reached. */
  private enterSlack(): boolean {
    let least = -EPSILON;
    let slack = -1;
    for (let row = 0; row < this.size; row += 1) {
      if ((this.prices[row] as number) >= least) continue;
      least = this.prices[row] as number;
      slack = row;
    }
    return slack >= 0 && this.pivot(null, [slack], [1], -least);
  }

  private pivot(entered: C | null, rows: readonly number[], amounts: readonly number[], gain: number): boolean {
    const { size, inverse, entering, columns, values, prices } = this;
    if (this.budget.steps <= 0) return false;
    let leaving = -1;
    let ratio = Number.POSITIVE_INFINITY;
    for (let row = 0; row < size; row += 1) {
      let sum = 0;
      for (let index = 0; index < rows.length; index += 1)
        sum += (inverse[row * size + (rows[index] as number)] as number) * (amounts[index] as number);
      entering[row] = sum;
      if (sum <= EPSILON || (values[row] as number) / sum >= ratio) continue;
      ratio = (values[row] as number) / sum;
      leaving = row;
    }
    if (leaving < 0) return false;
    const pivot = entering[leaving] as number;
    const start = leaving * size;
    let filled = 0;
    for (let at = start; at < start + size; at += 1) {
      if (inverse[at] === 0) continue;
      inverse[at] = (inverse[at] as number) / pivot;
      columns[filled] = at - start;
      filled += 1;
    }
    values[leaving] = ratio;
    let updates = 0;
    for (let row = 0; row < size; row += 1) {
      const factor = entering[row] as number;
      if (row === leaving || factor === 0) continue;
      updates += 1;
      values[row] = Math.max(0, (values[row] as number) - factor * ratio);
      const shift = row * size;
      for (let at = 0; at < filled; at += 1) {
        const column = columns[at] as number;
        inverse[shift + column] = (inverse[shift + column] as number) - factor * (inverse[start + column] as number);
      }
    }
    for (let at = 0; at < filled; at += 1) {
      const column = columns[at] as number;
      prices[column] = (prices[column] as number) + gain * (inverse[start + column] as number);
    }
    this.budget.steps -= updates * filled + size * (rows.length + 2);
    this.basis[leaving] = entered;
    return true;
  }
}
