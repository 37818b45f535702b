/**
 * The dual of the assignment: with a price on every bounded amount, classes choose for themselves, and what results is
 * a bound on what any assignment is worth, whatever the prices are (weak duality).
 */
import type { Columns } from "./columns.ts";

/** By place and resource, what a unit of it costs; ≥ 0, and 0 where there is no bound. */
export type Prices = Float64Array;

/** Of the value: what is behind by less is as good. */
const TIE = 1e-6;

export interface Choices {
  /** by class: a column that pays most at these prices; -1: none pays */
  column: Int32Array;
  /** by place and resource: what is used if every class has all its units there */
  use: Float64Array;
}

export const noChoices = (columns: Columns): Choices => ({
  column: new Int32Array(columns.classes).fill(-1),
  use: new Float64Array(columns.places * columns.resources),
});

/** What is left of a column's value per unit once its resources are paid for. */
export function margin(columns: Columns, prices: Prices, column: number): number {
  const { resources, demand, value, partition, classOf, firstRow, rows } = columns;
  const demandAt = (classOf[column] ?? 0) * resources;
  let left = value[column] ?? 0;
  const priceAt = (partition[column] ?? 0) * resources;
  for (let r = 0; r < resources; r++) left -= (demand[demandAt + r] ?? 0) * (prices[priceAt + r] ?? 0);
  for (let i = firstRow[column] ?? 0, end = firstRow[column + 1] ?? 0; i < end; i++) {
    const rowAt = (rows[i] ?? 0) * resources;
    for (let r = 0; r < resources; r++) left -= (demand[demandAt + r] ?? 0) * (prices[rowAt + r] ?? 0);
  }
  return left;
}

/** By column. */
export type Margins = Float64Array;

export function marginsOf(columns: Columns, prices: Prices): Margins {
  const margins = new Float64Array(columns.value.length);
  for (let column = 0; column < margins.length; column++) margins[column] = margin(columns, prices, column);
  return margins;
}

/** Adds `units` of a column to what is used. */
export function charge(columns: Columns, column: number, units: number, use: Float64Array): void {
  const { resources, demand, partition, classOf, firstRow, rows } = columns;
  const demandAt = (classOf[column] ?? 0) * resources;
  const useAt = (partition[column] ?? 0) * resources;
  for (let r = 0; r < resources; r++) use[useAt + r] = (use[useAt + r] ?? 0) + units * (demand[demandAt + r] ?? 0);
  for (let i = firstRow[column] ?? 0, end = firstRow[column + 1] ?? 0; i < end; i++) {
    const rowAt = (rows[i] ?? 0) * resources;
    for (let r = 0; r < resources; r++) use[rowAt + r] = (use[rowAt + r] ?? 0) + units * (demand[demandAt + r] ?? 0);
  }
}

/** Σ bound·price + Σ count · the best margin. @param choices is filled with what the classes choose */
export function dualBound(columns: Columns, prices: Prices, choices: Choices): number {
  const { classes, first, count, value, bound } = columns;
  choices.use.fill(0);
  let total = 0;
  for (let k = 0; k < bound.length; k++) {
    const price = prices[k] ?? 0;
    if (price > 0) total += price * (bound[k] ?? 0);
  }
  for (let each = 0; each < classes; each++) {
    const from = first[each] ?? 0;
    const to = first[each + 1] ?? 0;
    // Equal ones are taken in another order by each class, or all would want the same.
    const middle = to > from ? from + (each % (to - from)) : from;
    const tie = TIE * (value[middle] ?? 0);
    let most = 0;
    let better = -tie;
    let chosen = -1;
    for (let i = from; i < to; i++) {
      const column = middle + i - from < to ? middle + i - from : middle + i - to;
      const left = margin(columns, prices, column);
      if (left > most) most = left;
      if (left > better) {
        better = left + tie;
        chosen = column;
      }
    }
    choices.column[each] = chosen;
    if (chosen < 0) continue;
    const units = count[each] ?? 0;
    total += units * most;
    charge(columns, chosen, units, choices.use);
  }
  return total;
}
