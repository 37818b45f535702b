/** Which ports of a node a task gets: those it must have, and any others, the lowest that are free. */

/** First and last. */
export type PortRanges = readonly (readonly [number, number])[];

const isIn = (ranges: PortRanges, port: number): boolean => ranges.some(([from, to]) => port >= from && port <= to);

export const hasPorts = (ranges: PortRanges, used: ReadonlySet<number>, fixed: readonly number[]): boolean =>
  fixed.every((port) => isIn(ranges, port) && !used.has(port));

export function without(ranges: PortRanges, used: ReadonlySet<number>): PortRanges {
  const left: [number, number][] = [];
  for (const [first, last] of ranges) {
    let from = first;
    for (const port of [...used].filter((one) => one >= first && one <= last).sort((a, b) => a - b)) {
      if (port > from) left.push([from, port - 1]);
      from = port + 1;
    }
    if (from <= last) left.push([from, last]);
  }
  return left;
}

/**
 * @param count in all, the fixed ones included
 * @returns the fixed ones first; a node that only counts its ports gives none by number
 */
export function choosePorts(
  ranges: PortRanges,
  used: ReadonlySet<number>,
  fixed: readonly number[],
  count: number,
): readonly number[] {
  if (ranges.length === 0 || count === 0) return fixed;
  const chosen = [...fixed];
  for (const [from, to] of ranges) {
    for (let port = from; port <= to && chosen.length < count; port += 1)
      if (!used.has(port) && !fixed.includes(port)) chosen.push(port);
  }
  return chosen;
}
