/**
 * Which of their options classes may still want when prices move a little: the columns, and none at all, that are
 * nearest to each class' best. A class left with one option can be fixed there.
 */
import type { Columns } from "./columns.ts";
import { type Choices, margin, type Prices } from "./lagrangian.ts";

export interface Near {
  /** by column */
  column: Uint8Array;
  /** by class: placing nothing */
  none: Uint8Array;
}

/**
 * Behind the best by what share of what it pays, at the least, for its resources: a price that is wrong by that share
 * could turn the choice.
 * @param wanted how many options beside the best ones
 */
export function nearOptions(columns: Columns, prices: Prices, { column: chosen }: Choices, wanted: number): Near {
  const { classes, first, value } = columns;
  const behind = new Float64Array(value.length);
  const noneBehind = new Float64Array(classes);
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
    const measure = Math.max(cost, Number.MIN_VALUE);
    for (let column = from; column < to; column++) behind[column] = (behind[column] ?? 0) / measure;
    noneBehind[each] = most / measure;
  }
  const others = Float64Array.from([...behind, ...noneBehind].filter((share) => share > 0)).sort();
  const limit = others[Math.min(wanted, others.length) - 1] ?? 0;
  return {
    column: Uint8Array.from(behind, (share) => (share <= limit ? 1 : 0)),
    none: Uint8Array.from(noneBehind, (share) => (share <= limit ? 1 : 0)),
  };
}
