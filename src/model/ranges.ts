/**
 * Sets of task indices as sorted, disjoint, non-adjacent half-open ranges, so that a job of a million tasks is a
 * few numbers on the wire and in a row.
 */

/** `[from, to)` with `from < to`. */
export type Range = readonly [from: number, to: number];
export type Ranges = readonly Range[];

export const size = (ranges: Ranges): number => ranges.reduce((n, [from, to]) => n + to - from, 0);
export const isEmpty = (ranges: Ranges): boolean => ranges.length === 0;

/** Sorts and merges ranges given in any order. */
export function normalize(ranges: Ranges): Range[] {
  const sorted = ranges.filter(([from, to]) => from < to).sort((a, b) => a[0] - b[0]);
  const merged: [number, number][] = [];
  for (const [from, to] of sorted) {
    const last = merged.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

export const union = (a: Ranges, b: Ranges): Range[] =>
  a.length === 0 ? [...b] : b.length === 0 ? [...a] : normalize([...a, ...b]);

export function subtract(a: Ranges, b: Ranges): Range[] {
  const left: Range[] = [];
  let j = 0;
  for (const [start, to] of a) {
    let from = start;
    while (j < b.length && (b[j] as Range)[1] <= from) j++;
    for (let k = j; k < b.length && (b[k] as Range)[0] < to; k++) {
      const [cutFrom, cutTo] = b[k] as Range;
      if (cutFrom > from) left.push([from, cutFrom]);
      from = Math.max(from, cutTo);
    }
    if (from < to) left.push([from, to]);
  }
  return left;
}

export const intersect = (a: Ranges, b: Ranges): Range[] => subtract(a, subtract(a, b));

/** Position of the first range that ends after `index`. */
function lowerBound(ranges: Ranges, index: number): number {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if ((ranges[mid] as Range)[1] <= index) low = mid + 1;
    else high = mid;
  }
  return low;
}

export function contains(ranges: Ranges, index: number): boolean {
  const found = ranges[lowerBound(ranges, index)];
  return found !== undefined && found[0] <= index;
}

/** Splits off the first `n` indices: `[taken, rest]`. */
export function take(ranges: Ranges, n: number): [taken: Range[], rest: Range[]] {
  const taken: Range[] = [];
  const rest: Range[] = [];
  let wanted = n;
  for (const [from, to] of ranges) {
    const cut = Math.min(to, from + Math.max(0, wanted));
    if (from < cut) taken.push([from, cut]);
    if (cut < to) rest.push([cut, to]);
    wanted -= cut - from;
  }
  return [taken, rest];
}

export function* indices(ranges: Ranges): Generator<number> {
  for (const [from, to] of ranges) for (let index = from; index < to; index++) yield index;
}

/** One index more: binary insertion, for sets that grow a task at a time. */
export function withIndex(ranges: Ranges, index: number): Range[] {
  if (contains(ranges, index)) return [...ranges];
  const at = lowerBound(ranges, index);
  const before = ranges[at - 1];
  const after = ranges[at];
  const joinsBefore = before !== undefined && before[1] === index;
  const joinsAfter = after !== undefined && after[0] === index + 1;
  const merged: Range = [joinsBefore ? before[0] : index, joinsAfter ? after[1] : index + 1];
  return [...ranges.slice(0, joinsBefore ? at - 1 : at), merged, ...ranges.slice(joinsAfter ? at + 1 : at)];
}
