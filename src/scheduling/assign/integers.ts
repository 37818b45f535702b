/** From fractions of units to whole ones. Whatever comes in, what goes out is within every count and every bound. */
import type { Columns } from "./columns.ts";
import { charge, type Margins } from "./lagrangian.ts";
import { falling, rising } from "./order.ts";

export interface Whole {
  /** by column */
  units: Float64Array;
  /** by place and resource */
  use: Float64Array;
  /** by class: units that are placed nowhere */
  left: Float64Array;
}

/** A fraction this near to the next whole number is one: it comes from a solver. */
const NEARLY = 1e-6;

export const emptyWhole = (columns: Columns): Whole => ({
  units: new Float64Array(columns.value.length),
  use: new Float64Array(columns.bound.length),
  left: columns.count.slice(),
});

export function floored(columns: Columns, x: Float64Array): Whole {
  const whole = emptyWhole(columns);
  for (let column = 0; column < x.length; column++) {
    const units = Math.floor((x[column] ?? 0) + NEARLY);
    if (!(units > 0)) continue;
    add(columns, whole, column, Math.min(units, whole.left[columns.classOf[column] ?? 0] ?? 0));
  }
  return whole;
}

/** @param units negative takes away */
export function add(columns: Columns, whole: Whole, column: number, units: number): void {
  const each = columns.classOf[column] ?? 0;
  whole.units[column] = (whole.units[column] ?? 0) + units;
  whole.left[each] = (whole.left[each] ?? 0) - units;
  charge(columns, column, units, whole.use);
}

/** How many units of a column's class the bounds still admit there; below 0: how many are too many. */
export function room(columns: Columns, { use }: Whole, column: number): number {
  const { partition, firstRow, rows } = columns;
  let units = roomIn(columns, use, column, partition[column] ?? 0);
  for (let i = firstRow[column] ?? 0, end = firstRow[column + 1] ?? 0; i < end; i++)
    units = Math.min(units, roomIn(columns, use, column, rows[i] ?? 0));
  return units;
}

function roomIn(
  { resources, demand, bound, classOf }: Columns,
  use: Float64Array,
  column: number,
  place: number,
): number {
  const demandAt = (classOf[column] ?? 0) * resources;
  const placeAt = place * resources;
  let units = Number.POSITIVE_INFINITY;
  for (let r = 0; r < resources; r++) {
    const amount = demand[demandAt + r] ?? 0;
    if (amount <= 0) continue;
    const fit = Math.floor(((bound[placeAt + r] ?? 0) - (use[placeAt + r] ?? 0)) / amount);
    if (fit < units) units = fit;
  }
  return units;
}

/** Takes units away, those first that are worth least beside what they use, until no bound is exceeded. */
export function shed(columns: Columns, whole: Whole, margins: Margins): void {
  if (whole.use.every((amount, k) => amount <= (columns.bound[k] ?? 0))) return;
  const placed: number[] = [];
  for (let column = 0; column < margins.length; column++) if ((whole.units[column] ?? 0) > 0) placed.push(column);
  placed.sort(rising(margins));
  for (const column of placed) {
    const over = -room(columns, whole, column);
    if (over > 0) add(columns, whole, column, -Math.min(over, whole.units[column] ?? 0));
  }
}

/** Places what is left where it fits, the greatest margin first. */
export function fill(columns: Columns, whole: Whole, margins: Margins): void {
  const { classOf } = columns;
  const candidates: number[] = [];
  for (let column = 0; column < margins.length; column++)
    if ((whole.left[classOf[column] ?? 0] ?? 0) > 0 && room(columns, whole, column) > 0) candidates.push(column);
  candidates.sort(falling(margins));
  for (const column of candidates) {
    const units = Math.min(whole.left[classOf[column] ?? 0] ?? 0, room(columns, whole, column));
    if (units > 0) add(columns, whole, column, units);
  }
}

export function worthOf({ value }: Columns, { units }: Whole): number {
  let total = 0;
  for (let column = 0; column < value.length; column++) total += (value[column] ?? 0) * (units[column] ?? 0);
  return total;
}
