/**
 * Whole numbers of patterns for a batch: those of the linear program rounded down, one of them up, and the program again
 * for what is left, until nothing is.
 */
import type { Pattern, Patterns } from "./patterns.ts";
import { type Budget, maximize, type Used } from "./program.ts";

/** A number of times that is short of a whole one by less is one. */
const NEARLY = 1e-3;

export interface Cuts {
  chosen: Used<Pattern>[];
  /** patterns in use before rounding: a program like it begins well with them */
  basis: readonly Pattern[];
  /** no choice uses more within the limits; infinite when the program ended early */
  boundMilli: number;
}

/** @param known patterns to begin with, if any @param part of its amounts that a kind of node may use, by kind */
export function cutsOf(
  patterns: Patterns,
  part: readonly number[],
  budget: Budget,
  known: readonly Pattern[] = [],
): Cuts {
  const limits = patterns.limits(part);
  const chosen: Used<Pattern>[] = [];
  let first: Cuts | null = null;
  let begin = known;
  for (;;) {
    const propose = (prices: Float64Array) => patterns.propose(prices, limits, budget);
    const { used, isBest } = maximize<Pattern>(limits, begin, propose, budget);
    begin = used.map(({ column }) => column);
    first ??= { chosen, basis: begin, boundMilli: isBest ? patterns.boundMilli(used) : Number.POSITIVE_INFINITY };
    const whole = rounded(used, limits);
    if (whole.length === 0) return first;
    chosen.push(...whole);
  }
}

/** Takes them from the limits. The one with the largest fraction is rounded up. */
function rounded(used: readonly Used<Pattern>[], limits: number[]): Used<Pattern>[] {
  const whole: Used<Pattern>[] = [];
  for (const { column, times } of [...used].sort((a, b) => (b.times % 1) - (a.times % 1))) {
    const wanted = Math.floor(times + NEARLY) + (whole.length === 0 ? 1 : 0);
    const most = column.rows.map((row, at) => (limits[row] as number) / (column.amounts[at] as number) + 1e-9);
    const taken = Math.min(wanted, Math.floor(Math.min(...most)));
    if (taken <= 0) continue;
    whole.push({ column, times: taken });
    column.rows.forEach((row, at) => {
      limits[row] = Math.max(0, (limits[row] as number) - taken * (column.amounts[at] as number));
    });
  }
  return whole;
}
