/** The linear program over what is open, in units that make its numbers near 1, and its solution read back. */
import type { Prices } from "./lagrangian.ts";
import type { LinearProgram, LpOutcome } from "./lp.ts";
import { type Restricted, useOfFixed } from "./restricted.ts";

/** Rows: bounded amounts, then open classes. Columns: an overdraft of each bounded amount, then the chosen ones. */
export function programOf(lp: Restricted): LinearProgram {
  const { columns, bounded, fee, open, chosen, unit, worth } = lp;
  const { resources, value, classOf, count } = columns;
  const use = useOfFixed(lp, false);
  const total = bounded.length + chosen.length;
  const cost = new Float64Array(total);
  const starts = new Int32Array(total + 1);
  const indices: number[] = [];
  const values: number[] = [];
  bounded.forEach((_, row) => {
    cost[row] = -(fee[row] ?? 0);
    indices.push(row);
    values.push(-1);
    starts[row + 1] = indices.length;
  });
  chosen.forEach((column, index) => {
    cost[bounded.length + index] = (value[column] ?? 0) / worth;
    indices.push(bounded.length + (lp.rowOf[classOf[column] ?? 0] ?? 0));
    values.push(1);
    entriesOf(lp, column, indices, values);
    starts[bounded.length + index + 1] = indices.length;
  });
  const rowUpper = new Float64Array(bounded.length + open.length);
  bounded.forEach((k, row) => {
    rowUpper[row] = ((columns.bound[k] ?? 0) - (use[k] ?? 0)) / (unit[k % resources] ?? 1);
  });
  open.forEach((each, index) => {
    rowUpper[bounded.length + index] = count[each] ?? 0;
  });
  return { cost, rowUpper, starts, indices: Int32Array.from(indices), values: Float64Array.from(values) };
}

function entriesOf({ columns, boundRow, unit }: Restricted, column: number, indices: number[], values: number[]): void {
  const { resources, demand, classOf, partition, firstRow, rows } = columns;
  const demandAt = (classOf[column] ?? 0) * resources;
  const enter = (place: number): void => {
    for (let r = 0; r < resources; r++) {
      const row = boundRow[place * resources + r] ?? -1;
      const amount = demand[demandAt + r] ?? 0;
      if (row < 0 || amount === 0) continue;
      indices.push(row);
      values.push(amount / (unit[r] ?? 1));
    }
  };
  enter(partition[column] ?? 0);
  for (let i = firstRow[column] ?? 0; i < (firstRow[column + 1] ?? 0); i++) enter(rows[i] ?? 0);
}

export interface Solved {
  /** by column, fractions of units too */
  x: Float64Array;
  /** by bound */
  prices: Prices;
  /** by class that is open, what one more unit of it is worth */
  classPrice: Float64Array;
  /** of `x` */
  value: number;
  /** what overdrafts cost; they are not paid from `value` */
  fees: number;
  /** by row of `bounded` */
  overdrawn: Float64Array;
}

export function solvedOf(lp: Restricted, outcome: LpOutcome): Solved {
  const { columns, bounded, fixed, rowOf, open, chosen, unit, worth, fee } = lp;
  const x = new Float64Array(columns.value.length);
  let value = 0;
  let paid = 0;
  for (let each = 0; each < columns.classes; each++) {
    const column = fixed[each] ?? -1;
    if (column < 0 || (rowOf[each] ?? -1) >= 0) continue;
    x[column] = columns.count[each] ?? 0;
    value += (columns.count[each] ?? 0) * (columns.value[column] ?? 0);
  }
  chosen.forEach((column, index) => {
    const units = Math.max(0, outcome.x[bounded.length + index] ?? 0);
    x[column] = units;
    value += units * (columns.value[column] ?? 0);
  });
  const prices = new Float64Array(columns.bound.length);
  const overdrawn = outcome.x.slice(0, bounded.length);
  bounded.forEach((k, row) => {
    prices[k] = ((outcome.prices[row] ?? 0) * worth) / (unit[k % columns.resources] ?? 1);
    paid += (overdrawn[row] ?? 0) * (fee[row] ?? 0) * worth;
  });
  const classPrice = new Float64Array(columns.classes);
  open.forEach((each, index) => {
    classPrice[each] = (outcome.prices[bounded.length + index] ?? 0) * worth;
  });
  return { x, prices, classPrice, value, fees: paid, overdrawn };
}
