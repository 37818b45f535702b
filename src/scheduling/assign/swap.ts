/**
 * Betters whole units by exchanging one for another: a unit leaves its partition, one that waits takes its room, and
 * the first goes where else it fits, or waits. Every exchange raises the value; nothing is exceeded on the way.
 */
import type { Columns } from "./columns.ts";
import { add, room, type Whole } from "./integers.ts";
import type { Margins } from "./lagrangian.ts";
import { falling } from "./order.ts";

/** Of a partition, in one pass: how many of those placed may leave, and how many that wait may come. */
const MAX_LEAVING = 60;
const MAX_COMING = 200;
const MAX_PASSES = 4;
/** Less is rounding of floats, and might go round in circles. */
const LEAST_GAIN = 1e-9;

export function exchange(columns: Columns, whole: Whole, margins: Margins): void {
  const partitions = columnsByPartition(columns, margins);
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    let exchanged = 0;
    for (const list of partitions) exchanged += exchangeIn(columns, whole, list);
    if (exchanged === 0) return;
  }
}

/** The columns of each partition, the greatest margin first. */
function columnsByPartition({ partitions, partition }: Columns, margins: Margins): Int32Array[] {
  const lists = Array.from({ length: partitions }, (): number[] => []);
  partition.forEach((place, column) => {
    lists[place]?.push(column);
  });
  return lists.map((list) => Int32Array.from(list).sort(falling(margins)));
}

/** @param list the columns of a partition, the greatest margin first */
function exchangeIn(columns: Columns, whole: Whole, list: Int32Array): number {
  const coming = firstWaiting(columns, whole, list);
  let leaving = MAX_LEAVING;
  let exchanged = 0;
  for (let i = list.length - 1; i >= 0 && leaving > 0 && coming.length > 0; i--) {
    const column = list[i] ?? 0;
    if ((whole.units[column] ?? 0) <= 0) continue;
    leaving--;
    if (exchangeOne(columns, whole, column, coming)) exchanged++;
  }
  return exchanged;
}

function firstWaiting({ classOf }: Columns, { left }: Whole, list: Int32Array): number[] {
  const coming: number[] = [];
  for (let i = 0; i < list.length && coming.length < MAX_COMING; i++) {
    const column = list[i] ?? 0;
    if ((left[classOf[column] ?? 0] ?? 0) > 0) coming.push(column);
  }
  return coming;
}

function exchangeOne(columns: Columns, whole: Whole, leaving: number, coming: readonly number[]): boolean {
  const { value, classOf } = columns;
  add(columns, whole, leaving, -1);
  const elsewhere = bestElsewhere(columns, whole, leaving);
  let most = (value[leaving] ?? 0) - (elsewhere < 0 ? 0 : (value[elsewhere] ?? 0)) + LEAST_GAIN;
  let chosen = -1;
  for (const column of coming) {
    if ((value[column] ?? 0) <= most || (whole.left[classOf[column] ?? 0] ?? 0) <= 0 || column === leaving) continue;
    if (room(columns, whole, column) < 1) continue;
    most = value[column] ?? 0;
    chosen = column;
  }
  if (chosen < 0) {
    add(columns, whole, leaving, 1);
    return false;
  }
  add(columns, whole, chosen, 1);
  // What came may have taken that room too, where both count in the same row, or be of the same class.
  const isLeft = (whole.left[classOf[leaving] ?? 0] ?? 0) > 0;
  if (elsewhere >= 0 && isLeft && room(columns, whole, elsewhere) >= 1) add(columns, whole, elsewhere, 1);
  return true;
}

/** -1: nowhere */
function bestElsewhere(columns: Columns, whole: Whole, leaving: number): number {
  const { first, value, classOf, partition } = columns;
  const each = classOf[leaving] ?? 0;
  let best = -1;
  for (let column = first[each] ?? 0, end = first[each + 1] ?? 0; column < end; column++) {
    if (partition[column] === partition[leaving] || (best >= 0 && (value[column] ?? 0) <= (value[best] ?? 0))) continue;
    if (room(columns, whole, column) >= 1) best = column;
  }
  return best;
}
