/** Where the indices of a job are: in the queue, supplied to a cluster, or terminal. Pure moves between the three. */
import { intersect, normalize, type Range, type Ranges, size, subtract, union } from "../model/ranges.ts";
import type { JobReport, Supply } from "../protocol/levels.ts";

/** Indices that no cluster has. */
export interface Queued {
  from: number;
  to: number;
  attemptsUsed: number;
}

/** Supply as the Broker keeps it: with the incarnation of the Cluster to which it was given. */
export type Held = Omit<Supply, "items" | "recover"> & { incarnation: number };

export interface Terminal {
  done: Ranges;
  failed: Ranges;
  cancelled: Ranges;
}

export const NOTHING: Terminal = { done: [], failed: [], cancelled: [] };

/** A terminal state is final: what an earlier report said of an index stands. */
export function merge(first: Terminal, later: Terminal): Terminal {
  const before = all(first);
  return {
    done: union(first.done, subtract(later.done, before)),
    failed: union(first.failed, subtract(later.failed, before)),
    cancelled: union(first.cancelled, subtract(later.cancelled, before)),
  };
}

export const all = (t: Terminal): Range[] => union(union(t.done, t.failed), t.cancelled);
export const terminalSize = (t: Terminal): number => size(t.done) + size(t.failed) + size(t.cancelled);

export const supplySize = (supply: readonly Held[]): number => supply.reduce((n, { from, to }) => n + to - from, 0);
export const queueSize = (queue: readonly Queued[]): number => queue.reduce((n, { from, to }) => n + to - from, 0);

/** What a report moves out of a cluster's supply: ends, and returns of the same hand-out. */
export function afterReport(
  supply: readonly Held[],
  report: Pick<JobReport, "done" | "failed" | "cancelled" | "returned">,
): { supply: Held[]; returned: Queued[] } {
  const over = all(report);
  const left: Held[] = [];
  const returned: Queued[] = [];
  for (const entry of supply) {
    let ranges: Range[] = subtract([[entry.from, entry.to]], over);
    for (const back of report.returned) {
      if (back.handout !== entry.handout) continue;
      const given = intersect(ranges, [[back.from, back.to]]);
      if (given.length === 0) continue;
      ranges = subtract(ranges, given);
      for (const [from, to] of given) returned.push({ from, to, attemptsUsed: back.attemptsUsed });
    }
    for (const [from, to] of ranges) left.push({ ...entry, from, to });
  }
  return { supply: left, returned };
}

/** Returned indices go first: they have waited longest. */
export function requeue(queue: readonly Queued[], returned: readonly Queued[]): Queued[] {
  const merged: Queued[] = [];
  for (const entry of [...returned, ...queue].sort((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last && last.to === entry.from && last.attemptsUsed === entry.attemptsUsed) last.to = entry.to;
    else merged.push({ ...entry });
  }
  return merged;
}

/** Takes the first `n` of the queue as supply under one hand-out number. */
export function draw(
  queue: readonly Queued[],
  n: number,
  handout: number,
  incarnation: number,
): { queue: Queued[]; drawn: Held[] } {
  const rest: Queued[] = [];
  const drawn: Held[] = [];
  let wanted = n;
  for (const { from, to, attemptsUsed } of queue) {
    const cut = Math.min(to, from + Math.max(0, wanted));
    if (from < cut) drawn.push({ from, to: cut, handout, attemptsUsed, incarnation });
    if (cut < to) rest.push({ from: cut, to, attemptsUsed });
    wanted -= cut - from;
  }
  return { queue: rest, drawn };
}

export const rangesOf = (entries: readonly { from: number; to: number }[]): Range[] =>
  normalize(entries.map(({ from, to }): Range => [from, to]));
