/**
 * Whole units from prices alone. Partitions are filled level by level; at each level classes that pay best for what
 * they use come first, each where it pays best. What is fuller than the level costs more and what is emptier less, so
 * that equal partitions fill equally and no resource runs out long before the others.
 */
import type { Columns } from "./columns.ts";
import { add, emptyWhole, room, type Whole } from "./integers.ts";
import { margin, type Prices } from "./lagrangian.ts";
import { falling } from "./order.ts";

/** Of the price, from empty to full. */
const RISE = 0.3;
/** Of its count and of a partition, as much of a class is placed at once. */
const PART = 0.1;

export function greedy(columns: Columns, prices: Prices, levels: number): Whole {
  const whole = emptyWhole(columns);
  const full = columns.bound;
  const level = { ...columns, bound: full };
  let waiting = Int32Array.from(columns.count.keys());
  for (let step = 1; step <= levels; step++) {
    level.bound = step === levels ? full : full.map((bound) => (bound * step) / levels);
    const now = prices.map((price, k) => price * priceFactor(whole.use[k] ?? 0, level.bound[k] ?? 0));
    waiting = waiting.filter((each) => (whole.left[each] ?? 0) > 0);
    for (const each of byDensity(level, now, waiting)) placeClass(level, whole, now, prices, each);
  }
  return whole;
}

const priceFactor = (use: number, bound: number): number => (bound > 0 ? 1 + RISE * (use / bound - 1) : 1);

function placeClass(columns: Columns, whole: Whole, now: Prices, prices: Prices, each: number): void {
  const part = Math.max(1, Math.ceil((columns.count[each] ?? 0) * PART));
  while ((whole.left[each] ?? 0) > 0) {
    const column = bestOf(columns, whole, now, each);
    if (column < 0) return;
    add(columns, whole, column, Math.min(part, whole.left[each] ?? 0, room(columns, whole, column)));
    const at = (columns.partition[column] ?? 0) * columns.resources;
    for (let k = at; k < at + columns.resources; k++)
      now[k] = (prices[k] ?? 0) * priceFactor(whole.use[k] ?? 0, columns.bound[k] ?? 0);
  }
}

/** -1: it fits nowhere */
function bestOf(columns: Columns, whole: Whole, now: Prices, each: number): number {
  const { first } = columns;
  let best = -1;
  let most = Number.NEGATIVE_INFINITY;
  for (let column = first[each] ?? 0, end = first[each + 1] ?? 0; column < end; column++) {
    const left = margin(columns, now, column);
    if (left <= most || room(columns, whole, column) < 1) continue;
    most = left;
    best = column;
  }
  return best;
}

/** What pays more for the same resources comes first. */
function byDensity(columns: Columns, now: Prices, classes: Int32Array): Int32Array {
  const { first, value } = columns;
  const density = new Float64Array(columns.classes);
  for (const each of classes) {
    for (let column = first[each] ?? 0, end = first[each + 1] ?? 0; column < end; column++) {
      const worth = value[column] ?? 0;
      const cost = worth - margin(columns, now, column);
      density[each] = Math.max(density[each] ?? 0, cost > 0 ? worth / cost : Number.MAX_VALUE);
    }
  }
  return classes.sort(falling(density));
}
