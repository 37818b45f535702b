/**
 * A problem as flat arrays, for the loops that visit every column many times. Whatever has bounds is a *place*:
 * partitions first, then coupling rows; place b has a bound, a use and a price for each resource r at `b * resources + r`.
 */
import type { AssignProblem } from "./problem.ts";

export interface Columns {
  resources: number;
  partitions: number;
  places: number;
  classes: number;
  /** by place and resource */
  bound: Float64Array;
  /** by class and resource, of one unit */
  demand: Float64Array;
  /** by class */
  count: Float64Array;
  /** by class, and one more: where its columns begin */
  first: Int32Array;
  /** by column */
  value: Float64Array;
  partition: Int32Array;
  classOf: Int32Array;
  /** index in the class' `on` */
  on: Int32Array;
  /** by column, and one more: where its rows begin in `rows`, which holds places */
  firstRow: Int32Array;
  rows: Int32Array;
}

/** Leaves out columns that are worth nothing or that not even one unit fits in. */
export function columnsOf({ resources, partitions, rows, classes }: AssignProblem): Columns {
  const places = [...partitions.map(({ capacity }) => capacity), ...rows.map(({ bound }) => bound)];
  const bound = Float64Array.from(places.flatMap((amounts) => pad(amounts, resources, Number.POSITIVE_INFINITY)));
  const demand = new Float64Array(classes.length * resources);
  const first = new Int32Array(classes.length + 1);
  const value: number[] = [];
  const partition: number[] = [];
  const classOf: number[] = [];
  const on: number[] = [];
  const firstRow: number[] = [0];
  const rowPlaces: number[] = [];
  classes.forEach((each, index) => {
    demand.set(pad(each.demand, resources, 0), index * resources);
    const fitsIn = (place: number): boolean =>
      each.demand.every((amount, resource) => amount <= (bound[place * resources + resource] ?? 0));
    each.on.forEach((column, position) => {
      const named = (column.rows ?? []).map((row) => partitions.length + row);
      if (each.count < 1 || !(column.value > 0) || !fitsIn(column.partition) || !named.every(fitsIn)) return;
      value.push(column.value);
      partition.push(column.partition);
      classOf.push(index);
      on.push(position);
      rowPlaces.push(...named);
      firstRow.push(rowPlaces.length);
    });
    first[index + 1] = value.length;
  });
  return {
    resources,
    partitions: partitions.length,
    places: places.length,
    classes: classes.length,
    bound,
    demand,
    count: Float64Array.from(classes, ({ count }) => Math.max(0, Math.floor(count))),
    first,
    value: Float64Array.from(value),
    partition: Int32Array.from(partition),
    classOf: Int32Array.from(classOf),
    on: Int32Array.from(on),
    firstRow: Int32Array.from(firstRow),
    rows: Int32Array.from(rowPlaces),
  };
}

const pad = (amounts: readonly number[], length: number, rest: number): number[] =>
  Array.from({ length }, (_, index) => amounts[index] ?? rest);
