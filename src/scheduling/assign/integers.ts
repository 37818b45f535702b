/** From fractions of units to whole ones. Whatever comes in, what goes out is within every count and every bound. */
import type { Columns } from "./columns.ts";
import { charge, margin, type Prices } from "./lagrangian.ts";

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

export function floored(columns: Columns, x: Float64Array): Whole {
  const whole: Whole = {
    units: new Float64Array(columns.value.length),
    use: new Float64Array(columns.bound.length),
    left: columns.count.slice(),
  };
  for (let column = 0; column < x.length; column++) {
    const units = Math.floor((x[column] ?? 0) + NEARLY);
    if (units <= 0) continue;
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

/** How many units of a column's class the bounds still admit there. */
export function room(columns: Columns, { use }: Whole, column: number): number {
  const { resources, demand, bound, classOf, partition, firstRow, rows } = columns;
  const demandAt = (classOf[column] ?? 0) * resources;
  let units = Number.POSITIVE_INFINITY;
  for (let i = (firstRow[column] ?? 0) - 1, end = firstRow[column + 1] ?? 0; i < end; i++) {
    const place = i < (firstRow[column] ?? 0) ? (partition[column] ?? 0) : (rows[i] ?? 0);
    for (let r = 0; r < resources; r++) {
      const amount = demand[demandAt + r] ?? 0;
      if (amount <= 0) continue;
      const k = place * resources + r;
      units = Math.min(units, Math.floor(((bound[k] ?? 0) - (use[k] ?? 0)) / amount));
    }
  }
  return units;
}

/** Takes units away, those first that are worth least beside what they use, until no bound is exceeded. */
export function shed(columns: Columns, whole: Whole, prices: Prices): void {
  const placed = [...whole.units.keys()].filter((column) => (whole.units[column] ?? 0) > 0);
  const margins = new Map(placed.map((column) => [column, margin(columns, prices, column)]));
  placed.sort((a, b) => (margins.get(a) ?? 0) - (margins.get(b) ?? 0) || a - b);
  for (const column of placed) {
    const over = -room(columns, whole, column);
    if (over > 0) add(columns, whole, column, -Math.min(over, whole.units[column] ?? 0));
  }
}

/** Places what is left where it fits, dearest margin first. */
export function fill(columns: Columns, whole: Whole, prices: Prices): void {
  const { value, classOf } = columns;
  const margins = new Float64Array(value.length);
  const candidates: number[] = [];
  for (let column = 0; column < value.length; column++) {
    if ((whole.left[classOf[column] ?? 0] ?? 0) <= 0) continue;
    margins[column] = margin(columns, prices, column);
    candidates.push(column);
  }
  candidates.sort((a, b) => (margins[b] ?? 0) - (margins[a] ?? 0) || a - b);
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
