/**
 * What of a problem is in the linear program. Classes whose best choice is far ahead are fixed there and cost no row;
 * the others are *open*: a row each, and the columns near their best. Every bounded amount may be overdrawn at a fee
 * above its price, so that there is always a solution and prices stay near those it started with (a one-sided box step).
 */
import type { Columns } from "./columns.ts";
import { charge, type Prices } from "./lagrangian.ts";
import { AT_LOWER, AT_UPPER, BASIC } from "./lp.ts";

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
  /** classes, in the order of their rows */
  open: number[];
  /** columns of open classes, in their order in the program */
  chosen: number[];
  isChosen: Uint8Array;
  /** by bounded amount that has a row: its index among bounds */
  bounded: Int32Array;
  /** by bound: its row, or -1 */
  boundRow: Int32Array;
  /** by resource: what a unit of the program stands for, so that numbers are near 1 */
  unit: Float64Array;
  /** the same for value */
  worth: number;
  /** by row of `bounded`, what overdrawing a program's unit costs */
  fee: Float64Array;
  /** of its columns and rows, in their order in the program: where the last one ended, or the next one may begin */
  columnStatus: number[];
  rowStatus: number[];
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
    columnStatus: new Array<number>(bounded.length).fill(AT_LOWER),
    rowStatus: new Array<number>(bounded.length).fill(BASIC),
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
export function raiseFees(lp: Restricted, overdrawn: Float64Array, everywhere: boolean): boolean {
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
 * Every class wholly at what it is fixed at, bounds overdrawn where that is too much: satisfies all rows, and is near
 * the end when prices are right.
 */
export function beginAtFixed(lp: Restricted): void {
  const { columns, bounded } = lp;
  const use = useOfFixed(lp, true);
  bounded.forEach((k, row) => {
    const over = (use[k] ?? 0) > (columns.bound[k] ?? 0);
    lp.columnStatus[row] = over ? BASIC : AT_LOWER;
    lp.rowStatus[row] = over ? AT_UPPER : BASIC;
  });
}

/** In the basis it stays where it was fixed. */
export function openClass(lp: Restricted, each: number): void {
  if ((lp.rowOf[each] ?? -1) >= 0) return;
  const column = lp.fixed[each] ?? -1;
  lp.rowOf[each] = lp.open.length;
  lp.open.push(each);
  lp.rowStatus.push(column < 0 ? BASIC : AT_UPPER);
  if (column >= 0) addColumn(lp, column, BASIC);
}

/** Its class must be open. */
export function addColumn(lp: Restricted, column: number, status = AT_LOWER): void {
  if (lp.isChosen[column]) return;
  lp.isChosen[column] = 1;
  lp.chosen.push(column);
  lp.columnStatus.push(status);
}

/** @param openToo as if they were fixed too */
export function useOfFixed({ columns, fixed, rowOf }: Restricted, openToo: boolean): Float64Array {
  const use = new Float64Array(columns.bound.length);
  for (let each = 0; each < columns.classes; each++) {
    const column = fixed[each] ?? -1;
    if (column >= 0 && (openToo || (rowOf[each] ?? -1) < 0)) charge(columns, column, columns.count[each] ?? 0, use);
  }
  return use;
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
