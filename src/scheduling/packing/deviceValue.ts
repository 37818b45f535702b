/**
 * What a part of a device is worth, from the shapes that came: the dual prices of the linear program that cuts the seen
 * shares out of fewest devices (Gilmore and Gomory, 1961). Value is lost when a share goes where a better one would.
 */
import { WHOLE_DEVICE_MILLI } from "./shape.ts";

const MOST_COLUMNS = 400;
const EPSILON = 1e-9;

/** @param counts by milli of one device, how many came @returns value of 0..1000 free milli, a whole device being 1 */
export function deviceValues(counts: ReadonlyMap<number, number>): Float64Array {
  const sizes = [...counts.keys()].filter((milli) => milli > 0 && milli < WHOLE_DEVICE_MILLI).sort((a, b) => b - a);
  const demand = sizes.map((milli) => counts.get(milli) ?? 0);
  let prices = sizes.map((milli) => 1 / Math.floor(WHOLE_DEVICE_MILLI / milli));
  const patterns = sizes.map((milli, row) =>
    sizes.map((_, column) => (row === column ? Math.floor(WHOLE_DEVICE_MILLI / milli) : 0)),
  );
  for (let columns = 0; columns < MOST_COLUMNS; columns += 1) {
    const solved = solve(patterns, Array<number>(sizes.length).fill(1));
    if (solved === null) break;
    prices = solved.map((price) => Math.max(0, price));
    const { worth, counts: pattern } = bestPattern(sizes, prices);
    if (worth <= 1 + EPSILON || !enter(patterns, pattern, demand)) break;
  }
  const values = valuesOf(sizes, prices).values;
  values[WHOLE_DEVICE_MILLI] = 1;
  return values;
}

/** What is lost by cutting `milli` out of `free`; never negative. */
export const lostValue = (values: Float64Array, free: number, milli: number): number =>
  Math.max(0, (values[free] as number) - (values[free - milli] as number) - (values[milli] as number));

function valuesOf(sizes: readonly number[], prices: readonly number[]) {
  const values = new Float64Array(WHOLE_DEVICE_MILLI + 1);
  /** the size that was cut last; -1: none, one milli stays */
  const cut = new Int32Array(WHOLE_DEVICE_MILLI + 1).fill(-1);
  for (let free = 1; free <= WHOLE_DEVICE_MILLI; free += 1) {
    values[free] = values[free - 1] as number;
    for (let size = 0; size < sizes.length; size += 1) {
      const rest = free - (sizes[size] as number);
      if (rest < 0) continue;
      const worth = (values[rest] as number) + (prices[size] as number);
      if (worth <= (values[free] as number) + 1e-12) continue;
      values[free] = worth;
      cut[free] = size;
    }
  }
  return { values, cut };
}

function bestPattern(sizes: readonly number[], prices: readonly number[]): { worth: number; counts: number[] } {
  const { values, cut } = valuesOf(sizes, prices);
  const counts = sizes.map(() => 0);
  let free = WHOLE_DEVICE_MILLI;
  while (free > 0) {
    const size = cut[free] as number;
    if (size < 0) free -= 1;
    else {
      counts[size] = (counts[size] as number) + 1;
      free -= sizes[size] as number;
    }
  }
  return { worth: values[WHOLE_DEVICE_MILLI] as number, counts };
}

/** Puts the pattern in the place of the one that runs out first. @returns false when none does */
function enter(patterns: number[][], pattern: number[], demand: readonly number[]): boolean {
  const columns = pattern.map((_, row) => patterns.map((column) => column[row] as number));
  const used = solve(columns, demand);
  const change = solve(columns, pattern);
  if (used === null || change === null) return false;
  let leaving = -1;
  let least = Number.POSITIVE_INFINITY;
  change.forEach((rate, row) => {
    if (rate <= EPSILON) return;
    const steps = (used[row] as number) / rate;
    if (steps >= least - 1e-12) return;
    least = steps;
    leaving = row;
  });
  if (leaving < 0) return false;
  patterns[leaving] = pattern;
  return true;
}

/** Solves `rows · x = right` by elimination with pivots; null when the rows depend on each other. */
function solve(rows: readonly (readonly number[])[], right: readonly number[]): number[] | null {
  const size = right.length;
  const table = rows.map((row, index) => [...row, right[index] as number]);
  for (let column = 0; column < size; column += 1) {
    let pivot = column;
    for (let row = column + 1; row < size; row += 1) {
      if (Math.abs(at(table, row, column)) > Math.abs(at(table, pivot, column))) pivot = row;
    }
    if (Math.abs(at(table, pivot, column)) < 1e-12) return null;
    [table[column], table[pivot]] = [table[pivot] as number[], table[column] as number[]];
    const source = table[column] as number[];
    for (let row = 0; row < size; row += 1) {
      const factor = row === column ? 0 : at(table, row, column) / (source[column] as number);
      if (factor === 0) continue;
      const target = table[row] as number[];
      for (let k = column; k <= size; k += 1) target[k] = (target[k] as number) - factor * (source[k] as number);
    }
  }
  return table.map((row, index) => (row[size] as number) / (row[index] as number));
}

const at = (table: readonly (readonly number[])[], row: number, column: number): number =>
  (table[row] as number[])[column] as number;
