/**
 * The linear program over the few columns that matter. Classes whose best choice is far ahead are fixed there and cost
 * no row; the others are *open*: a row each, and the columns near their best. Every bounded amount may be overdrawn at
 * a fee above its price, so that there is always a solution and the prices stay near those it started with
 * (a one-sided box step).
 */
import type { Columns } from "./columns.ts";
import { charge, type Prices } from "./lagrangian.ts";
import { AT_LOWER, AT_UPPER, BASIC, type LinearProgram, type LpBasis, type LpOutcome } from "./lp.ts";

/** Of the price, and of the dearest price. */
const FEE_OVER_PRICE = 1.2;
const LEAST_FEE = 0.02;
/** Less is the solver's tolerance. */
const OVERDRAWN = 1e-7;

export interface Restricted {
  columns: Columns;
  /** by class: its column while it is fixed, or -1 for none; what it says of an open class means nothing */
  fixed: Int32Array;
  /** by class: its row among the open ones, or -1 while it is fixed */
  rowOf: Int32Array;
  open: number[];
  chosen: number[];
  isChosen: Uint8Array;
  /** by bounded amount that has a row: its index among bounds */
  bounded: Int32Array;
  /** by bound: its row, or -1 */
  boundRow: Int32Array;
  /** by resource: what a unit of the program stands for, so that numbers are near 1 */
  unit: Float64Array;
  worth: number;
  /** by row of `bounded`, what overdrawing a program's unit costs */
  fee: Float64Array;
  basis: LpBasis | null;
}

/** @param prices what the fees start from */
export function restrictedOf(columns: Columns, fixed: Int32Array, prices: Prices): Restricted {
  const unit = meanDemand(columns);
  const bounded = Int32Array.from(columns.bound.keys()).filter((k) => Number.isFinite(columns.bound[k] ?? 0));
  const boundRow = new Int32Array(columns.bound.length).fill(-1);
  bounded.forEach((k, row) => {
    boundRow[k] = row;
  });
  const worth = meanValue(columns);
  return {
    columns,
    fixed,
    rowOf: new Int32Array(columns.classes).fill(-1),
    open: [],
    chosen: [],
    isChosen: new Uint8Array(columns.value.length),
    bounded,
    boundRow,
    unit,
    worth,
    fee: fees(columns, bounded, unit, worth, prices),
    basis: null,
  };
}

/** Little above the prices, which are near right; what has none gets a share of the dearest. */
function fees(columns: Columns, bounded: Int32Array, unit: Float64Array, worth: number, prices: Prices): Float64Array {
  const inUnits = Float64Array.from(bounded, (k) => ((prices[k] ?? 0) * (unit[k % columns.resources] ?? 1)) / worth);
  const most = inUnits.reduce((a, b) => Math.max(a, b), 0) || 1;
  return inUnits.map((price) => FEE_OVER_PRICE * price + LEAST_FEE * most);
}

/**
 * Of the places that the program would rather overdraw: of all their resources, or it would go from one to the next.
 * @param everywhere when the end is near, so that this is the last time
 * @returns whether there was any
 */
export function raiseFees(lp: Restricted, { overdrawn }: Solved, everywhere: boolean): boolean {
  const { resources } = lp.columns;
  const most = lp.fee.reduce((a, b) => Math.max(a, b), 0);
  const over = new Set<number>();
  lp.bounded.forEach((k, row) => {
    if ((overdrawn[row] ?? 0) > OVERDRAWN) over.add(Math.floor(k / resources));
  });
  lp.bounded.forEach((k, row) => {
    const isOver = over.has(Math.floor(k / resources));
    if (isOver || everywhere) lp.fee[row] = 3 * (lp.fee[row] ?? 0) + (isOver ? 0.3 : 0.1) * most;
  });
  return over.size > 0;
}

/**
 * Every class wholly at its best column, bounds overdrawn where that is too much: satisfies all rows, and is near the
 * end when prices are.
 */
export function crash(lp: Restricted): void {
  const use = useOfFixed(lp, true);
  const { columns, bounded, open, chosen, fixed } = lp;
  const basis: LpBasis = {
    columns: new Int32Array(bounded.length + chosen.length),
    rows: new Int32Array(bounded.length + open.length),
  };
  bounded.forEach((k, row) => {
    const over = (use[k] ?? 0) > (columns.bound[k] ?? 0);
    basis.columns[row] = over ? BASIC : AT_LOWER;
    basis.rows[row] = over ? AT_UPPER : BASIC;
  });
  open.forEach((each, index) => {
    basis.rows[bounded.length + index] = (fixed[each] ?? -1) < 0 ? BASIC : AT_UPPER;
  });
  chosen.forEach((column, index) => {
    if (fixed[columns.classOf[column] ?? 0] === column) basis.columns[bounded.length + index] = BASIC;
  });
  lp.basis = basis;
}

export function openClass(lp: Restricted, each: number): void {
  if ((lp.rowOf[each] ?? -1) >= 0) return;
  lp.rowOf[each] = lp.open.length;
  lp.open.push(each);
  const column = lp.fixed[each] ?? -1;
  if (lp.basis) lp.basis.rows = extended(lp.basis.rows, column < 0 ? BASIC : AT_UPPER);
  if (column >= 0) addColumn(lp, column, BASIC);
}

/** Its class must be open. */
export function addColumn(lp: Restricted, column: number, status = AT_LOWER): void {
  if (lp.isChosen[column]) return;
  lp.isChosen[column] = 1;
  lp.chosen.push(column);
  if (lp.basis) lp.basis.columns = extended(lp.basis.columns, status);
}

function extended(array: Int32Array, value: number): Int32Array {
  const longer = new Int32Array(array.length + 1);
  longer.set(array);
  longer[array.length] = value;
  return longer;
}

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

/** @param openToo as if they were fixed too */
function useOfFixed({ columns, fixed, rowOf }: Restricted, openToo: boolean): Float64Array {
  const use = new Float64Array(columns.bound.length);
  for (let each = 0; each < columns.classes; each++) {
    const column = fixed[each] ?? -1;
    if (column >= 0 && (openToo || (rowOf[each] ?? -1) < 0)) charge(columns, column, columns.count[each] ?? 0, use);
  }
  return use;
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

function meanDemand({ resources, demand }: Columns): Float64Array {
  const sum = new Float64Array(resources);
  const users = new Float64Array(resources);
  for (let k = 0; k < demand.length; k++) {
    const amount = demand[k] ?? 0;
    if (amount <= 0) continue;
    sum[k % resources] = (sum[k % resources] ?? 0) + amount;
    users[k % resources] = (users[k % resources] ?? 0) + 1;
  }
  return sum.map((total, r) => (total > 0 ? total / (users[r] ?? 1) : 1));
}

const meanValue = ({ value }: Columns): number =>
  value.length === 0 ? 1 : value.reduce((sum, each) => sum + each, 0) / value.length;
