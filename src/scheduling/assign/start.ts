/** The first restricted program: the options that are near at the prices, and what of an earlier round still matters. */
import type { Columns } from "./columns.ts";
import type { Whole } from "./integers.ts";
import { dualBound, noChoices, type Prices } from "./lagrangian.ts";
import { type Near, nearOptions } from "./near.ts";
import { addColumn, beginAtFixed, openClass, type Restricted, restrictedOf } from "./restricted.ts";
import type { WarmBasis } from "./warm.ts";

/** Options beside the best ones, per bounded amount. */
const WIDTH = 8;

export interface Start {
  lp: Restricted;
  near: Near;
}

/** Every class fixed at what it chooses. */
export function startAt(columns: Columns, prices: Prices): Start {
  const choices = noChoices(columns);
  dualBound(columns, prices, choices);
  const lp = restrictedOf(columns, choices.column, prices);
  return { lp, near: nearOptions(columns, prices, choices, WIDTH * lp.bounded.length) };
}

/** @param whole where classes that cannot be open are to be fixed; null: as they are */
export function openNear({ lp, near }: Start, whole: Whole | null): void {
  if (whole) for (const each of near.torn) lp.fixed[each] = mostUsed(lp.columns, whole, each);
  for (const [each, options] of near.open) {
    openClass(lp, each);
    for (const column of options) addColumn(lp, column);
  }
  beginAtFixed(lp);
}

/** -1: none of it is placed */
function mostUsed({ first }: Columns, { units }: Whole, each: number): number {
  let most = 0;
  let chosen = -1;
  for (let column = first[each] ?? 0; column < (first[each + 1] ?? 0); column++) {
    if ((units[column] ?? 0) <= most) continue;
    most = units[column] ?? 0;
    chosen = column;
  }
  return chosen;
}

/** Classes that had to share something stay open; the basis is where it ended. */
export function openAgain({ lp, near }: Start, basis: WarmBasis): void {
  for (let each = 0; each < lp.columns.classes; each++) {
    const options = near.open.get(each) ?? [];
    if (options.length === 0 && !basis.isShared(each)) continue;
    openClass(lp, each);
    for (const column of [...options, ...basis.columnsOf(each)]) addColumn(lp, column);
  }
  basis.apply(lp);
}
