/**
 * First prices: those that there would be if all partitions were one. A descent over so few of them takes steps that
 * are long and right; what partitions differ in is left to the next one.
 */
import type { Columns } from "./columns.ts";
import { descend } from "./descent.ts";
import type { Prices } from "./lagrangian.ts";

const DESCENT = { maxSteps: 200, length: 0.5 };

export function pooledPrices(columns: Columns): Prices {
  const { resources, partitions, bound } = columns;
  const pool = pooled(columns);
  const { prices } = descend(pool, new Float64Array(pool.bound.length), DESCENT);
  const spread = new Float64Array(bound.length);
  for (let k = 0; k < spread.length; k++) {
    if (!Number.isFinite(bound[k] ?? 0)) continue;
    const inPartition = k < partitions * resources;
    spread[k] = prices[inPartition ? k % resources : k - (partitions - 1) * resources] ?? 0;
  }
  return spread;
}

/** One partition with what all have; rows that only one partition's columns name are left out, as partitions are. */
function pooled(columns: Columns): Columns {
  const { resources, partitions, places, classes, bound, first, value } = columns;
  const shared = sharedRows(columns);
  const rowsOf = (column: number): readonly number[] => {
    if (columns.rows.length === 0) return NO_ROWS;
    const named: number[] = [];
    for (let i = columns.firstRow[column] ?? 0; i < (columns.firstRow[column + 1] ?? 0); i++) {
      const row = columns.rows[i] ?? 0;
      if (shared[row]) named.push(row - partitions + 1);
    }
    return named;
  };
  const all = new Float64Array((1 + places - partitions) * resources);
  for (let k = 0; k < partitions * resources; k++) all[k % resources] = (all[k % resources] ?? 0) + (bound[k] ?? 0);
  all.set(bound.subarray(partitions * resources), resources);
  const kept: Kept = { first: new Int32Array(classes + 1), value: [], classOf: [], firstRow: [0], rows: [] };
  for (let each = 0; each < classes; each++) {
    const from = kept.value.length;
    for (let column = first[each] ?? 0; column < (first[each + 1] ?? 0); column++)
      keep(kept, from, each, value[column] ?? 0, rowsOf(column));
    kept.first[each + 1] = kept.value.length;
  }
  return {
    resources,
    partitions: 1,
    places: 1 + places - partitions,
    classes,
    bound: all,
    demand: columns.demand,
    count: columns.count,
    first: kept.first,
    value: Float64Array.from(kept.value),
    partition: new Int32Array(kept.value.length),
    classOf: Int32Array.from(kept.classOf),
    on: new Int32Array(kept.value.length),
    firstRow: Int32Array.from(kept.firstRow),
    rows: Int32Array.from(kept.rows),
  };
}

interface Kept {
  first: Int32Array;
  value: number[];
  classOf: number[];
  firstRow: number[];
  rows: number[];
}

/** Of a class' columns that count in the same rows, the value of the best. @param from its first that is kept */
function keep(kept: Kept, from: number, each: number, value: number, named: readonly number[]): void {
  const { firstRow, rows } = kept;
  let twin = from;
  while (twin < kept.value.length && !isSame(named, rows, firstRow[twin] ?? 0, firstRow[twin + 1] ?? 0)) twin++;
  if (twin < kept.value.length) {
    kept.value[twin] = Math.max(kept.value[twin] ?? 0, value);
    return;
  }
  kept.value.push(value);
  kept.classOf.push(each);
  rows.push(...named);
  firstRow.push(rows.length);
}

const NO_ROWS: readonly number[] = [];

const isSame = (named: readonly number[], rows: readonly number[], from: number, to: number): boolean =>
  named.length === to - from && named.every((row, i) => row === rows[from + i]);

/** By place: whether columns of more than one partition name it. */
function sharedRows({ places, partition, firstRow, rows }: Columns): Uint8Array {
  const of = new Int32Array(places).fill(-1);
  const shared = new Uint8Array(places);
  for (let column = 0; column < partition.length; column++) {
    for (let i = firstRow[column] ?? 0; i < (firstRow[column + 1] ?? 0); i++) {
      const row = rows[i] ?? 0;
      if (of[row] === -1) of[row] = partition[column] ?? 0;
      else if (of[row] !== partition[column]) shared[row] = 1;
    }
  }
  return shared;
}
