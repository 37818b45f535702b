/**
 * A problem as flat arrays, for the loops that visit every column many times. Whatever has bounds is a *place*:
 * partitions first, then coupling rows; place b has a bound, a use and a price for each resource r at `b * resources + r`.
 */
import type { Amounts, AssignProblem } from "./problem.ts";

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
export function columnsOf(problem: AssignProblem): Columns {
  const { resources, partitions, rows, classes } = problem;
  const bound = boundsOf(problem);
  const demand = new Float64Array(classes.length * resources);
  const count = new Float64Array(classes.length);
  const first = new Int32Array(classes.length + 1);
  const most = classes.reduce((sum, { on }) => sum + on.length, 0);
  const named = classes.reduce((sum, { on }) => on.reduce((all, column) => all + (column.rows?.length ?? 0), sum), 0);
  const value = new Float64Array(most);
  const partition = new Int32Array(most);
  const classOf = new Int32Array(most);
  const onOf = new Int32Array(most);
  const firstRow = new Int32Array(most + 1);
  const rowPlaces = new Int32Array(named);
  let columns = 0;
  classes.forEach((each, index) => {
    const { on } = each;
    for (let r = 0; r < resources; r++) demand[index * resources + r] = each.demand[r] ?? 0;
    count[index] = Math.max(0, Math.floor(each.count));
    for (let position = 0; position < on.length; position++) {
      const column = on[position];
      if (!column || each.count < 1 || !(column.value > 0)) continue;
      let end = firstRow[columns] ?? 0;
      let fits = fitsIn(each.demand, bound, column.partition, resources);
      for (const row of column.rows ?? NO_ROWS) {
        rowPlaces[end++] = partitions.length + row;
        fits &&= fitsIn(each.demand, bound, partitions.length + row, resources);
      }
      if (!fits) continue;
      value[columns] = column.value;
      partition[columns] = column.partition;
      classOf[columns] = index;
      onOf[columns] = position;
      firstRow[++columns] = end;
    }
    first[index + 1] = columns;
  });
  return {
    resources,
    partitions: partitions.length,
    places: partitions.length + rows.length,
    classes: classes.length,
    bound,
    demand,
    count,
    first,
    value: value.subarray(0, columns),
    partition: partition.subarray(0, columns),
    classOf: classOf.subarray(0, columns),
    on: onOf.subarray(0, columns),
    firstRow: firstRow.subarray(0, columns + 1),
    rows: rowPlaces.subarray(0, firstRow[columns] ?? 0),
  };
}

const NO_ROWS: readonly number[] = [];

function boundsOf({ resources, partitions, rows }: AssignProblem): Float64Array {
  const bound = new Float64Array((partitions.length + rows.length) * resources).fill(Number.POSITIVE_INFINITY);
  const set = (place: number, amounts: Amounts): void => {
    for (let r = 0; r < resources; r++) bound[place * resources + r] = amounts[r] ?? Number.POSITIVE_INFINITY;
  };
  partitions.forEach(({ capacity }, index) => {
    set(index, capacity);
  });
  rows.forEach((row, index) => {
    set(partitions.length + index, row.bound);
  });
  return bound;
}

function fitsIn(demand: Amounts, bound: Float64Array, place: number, resources: number): boolean {
  for (let r = 0; r < resources; r++) if ((demand[r] ?? 0) > (bound[place * resources + r] ?? 0)) return false;
  return true;
}
