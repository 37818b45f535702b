/** Ports of this node that tasks may be given, as its owner writes them: `31000-32000,33000`. */
import { MAX_PORT } from "../../src/model/port.ts";

/** First and last. */
export type PortRange = [first: number, last: number];

/** Below what Linux takes for outgoing connections, and what Mesos offers too. */
export const DEFAULT_PORTS = "31000-32000";
const NO_PORTS = "none";
/** The protocol takes no more. */
const MAX_RANGES = 100;

/** @returns ascending, apart from each other; null when it can't be read */
export function parsePorts(written: string): PortRange[] | null {
  const words = written.split(",").map((word) => word.trim());
  if (words.length === 1 && words[0] === NO_PORTS) return [];
  const ranges: PortRange[] = [];
  for (const word of words) {
    const [, first = "", last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(word) ?? [];
    const range: PortRange = [Number(first), Number(last)];
    if (first === "" || range[0] < 1 || range[1] < range[0] || range[1] > MAX_PORT) return null;
    ranges.push(range);
  }
  const joined = join(ranges);
  return joined.length <= MAX_RANGES ? joined : null;
}

function join(ranges: readonly PortRange[]): PortRange[] {
  const joined: PortRange[] = [];
  for (const [first, last] of [...ranges].sort(([a], [b]) => a - b)) {
    const before = joined.at(-1);
    if (before && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else joined.push([first, last]);
  }
  return joined;
}

export const countPorts = (ranges: readonly PortRange[]): number =>
  ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0);
