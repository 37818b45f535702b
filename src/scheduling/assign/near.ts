/**
 * Which of their options classes may still want when prices move a little: the columns, and none at all, that are
 * nearest to each class' best. A class left with one option can be fixed there.
 */
import type { Columns } from "./columns.ts";
import { type Choices, margin, type Prices } from "./lagrangian.ts";

/** Where many options are equal, a few of them do. */
const MAX_OPTIONS = 8;
/** Of what was wanted: where many are equally near, the classes with most at stake. */
const MAX_EXCESS = 2;

export interface Near {
  /** by class that has a choice: its columns */
  open: Map<number, number[]>;
  /** classes that have one too, but are too many */
  torn: number[];
}

/**
 * How near an option is: behind the best by what share of what the class pays, at the least, for its resources. A
 * price that is wrong by that share could turn the choice.
 * @param wanted about how many options beside the best ones
 */
export function nearOptions(columns: Columns, prices: Prices, { column: chosen }: Choices, wanted: number): Near {
  const { classes, first, value, count } = columns;
  const behind = new Float64Array(value.length);
  const noneBehind = new Float64Array(classes);
  const stake = new Float64Array(classes);
  for (let each = 0; each < classes; each++) {
    const from = first[each] ?? 0;
    const to = first[each + 1] ?? 0;
    const best = chosen[each] ?? -1;
    const most = best < 0 ? 0 : margin(columns, prices, best);
    let cost = Number.POSITIVE_INFINITY;
    for (let column = from; column < to; column++) {
      const left = margin(columns, prices, column);
      behind[column] = most - left;
      cost = Math.min(cost, (value[column] ?? 0) - left);
    }
    stake[each] = cost * (count[each] ?? 0);
    const measure = Math.max(cost, Number.MIN_VALUE);
    for (let column = from; column < to; column++) behind[column] = (behind[column] ?? 0) / measure;
    noneBehind[each] = most / measure;
  }
  const limit = smallest([behind, noneBehind], wanted);
  const near = new Map<number, number[]>();
  let total = 0;
  for (let each = 0; each < classes; each++) {
    const options = optionsOf(columns, behind, limit, each);
    if (options.length + ((noneBehind[each] ?? 0) <= limit ? 1 : 0) < 2) continue;
    near.set(each, options);
    total += options.length;
  }
  return total <= MAX_EXCESS * wanted ? { open: near, torn: [] } : mostAtStake(near, stake, MAX_EXCESS * wanted);
}

function optionsOf({ first }: Columns, behind: Float64Array, limit: number, each: number): number[] {
  const options: number[] = [];
  for (let column = first[each] ?? 0; column < (first[each + 1] ?? 0); column++)
    if ((behind[column] ?? 0) <= limit) options.push(column);
  if (options.length <= MAX_OPTIONS) return options;
  // Equal ones begin elsewhere for each class, so that not all want the same.
  const turn = each % options.length;
  const turned = [...options.slice(turn), ...options.slice(0, turn)];
  return turned.sort((a, b) => (behind[a] ?? 0) - (behind[b] ?? 0)).slice(0, MAX_OPTIONS);
}

function mostAtStake(near: Map<number, number[]>, stake: Float64Array, places: number): Near {
  const open = new Map<number, number[]>();
  const torn: number[] = [];
  let left = places;
  for (const [each, options] of [...near].sort(([a], [b]) => (stake[b] ?? 0) - (stake[a] ?? 0) || a - b)) {
    left -= options.length;
    if (left < 0) torn.push(each);
    else open.set(each, options);
  }
  return { open, torn };
}

/** The `wanted`-th of the numbers above 0 that are finite, or the last. */
function smallest(arrays: readonly Float64Array[], wanted: number): number {
  const length = arrays.reduce((sum, array) => sum + array.length, 0);
  const positive = new Float64Array(length);
  let found = 0;
  for (const array of arrays) {
    for (let i = 0; i < array.length; i++) {
      const each = array[i] ?? 0;
      if (each > 0 && each < Number.MAX_VALUE) positive[found++] = each;
    }
  }
  const sorted = positive.subarray(0, found).sort();
  return sorted[Math.min(wanted, found) - 1] ?? 0;
}
