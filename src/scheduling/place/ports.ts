/** Which ports of a node a task gets: those it must have, and any others, the lowest that are free. */

import { contains, normalize, type Ranges, subtract, union } from "../../model/ranges.ts";

/** First and last. */
export type PortRanges = readonly (readonly [number, number])[];

/** Ports of a node that are in use: a few by number, and whole ranges of what is kept. */
export class UsedPorts {
  readonly #numbers = new Set<number>();
  #ranges: Ranges = [];

  has(port: number): boolean {
    return this.#numbers.has(port) || contains(this.#ranges, port);
  }

  /** @param sign -1: they are in use no more */
  change(ports: readonly number[], ranges: PortRanges, sign: 1 | -1): void {
    for (const port of ports) {
      if (sign === 1) this.#numbers.add(port);
      else this.#numbers.delete(port);
    }
    if (ranges.length > 0) this.#ranges = (sign === 1 ? union : subtract)(this.#ranges, halfOpen(ranges));
  }

  /** Those of the ranges that are not in use. */
  freeIn(ranges: PortRanges): PortRanges {
    const numbers = [...this.#numbers].map((port): [number, number] => [port, port]);
    return subtract(subtract(halfOpen(ranges), this.#ranges), halfOpen(numbers)).map(([from, to]) => [from, to - 1]);
  }
}

const halfOpen = (ranges: PortRanges): Ranges => normalize(ranges.map(([from, to]) => [from, to + 1]));

const isIn = (ranges: PortRanges, port: number): boolean => ranges.some(([from, to]) => port >= from && port <= to);

export const hasPorts = (ranges: PortRanges, used: Pick<UsedPorts, "has">, fixed: readonly number[]): boolean =>
  fixed.every((port) => isIn(ranges, port) && !used.has(port));

/**
 * @param count in all, the fixed ones included
 * @returns the fixed ones first; a node that only counts its ports gives none by number
 */
export function choosePorts(
  ranges: PortRanges,
  used: Pick<UsedPorts, "has">,
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
