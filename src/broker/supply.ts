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

/** The same indices but for some. */
export const without = <Piece extends { from: number; to: number }>(pieces: readonly Piece[], out: Ranges): Piece[] =>
  pieces.flatMap((piece) => subtract([[piece.from, piece.to]], out).map(([from, to]) => ({ ...piece, from, to })));

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

/** To whom a draw goes, and what may not be cut. */
export interface Draw {
  handout: number;
  incarnation: number;
  /** indices [k · gang, (k + 1) · gang) are drawn together; 1: each by itself */
  gang: number;
  /** what clusters have of the job: of a gang that is not wholly back nothing is drawn */
  elsewhere: Ranges;
}

/** Takes the first `n` of the queue as supply under one hand-out number; of gangs those that are whole within `n`. */
export function draw(
  queue: readonly Queued[],
  n: number,
  { handout, incarnation, gang, elsewhere }: Draw,
): { queue: Queued[]; drawn: Held[] } {
  const chosen = gang === 1 ? firstTasks(queue, n) : firstGangs(queue, n, gang, elsewhere);
  const rest: Queued[] = [];
  const drawn: Held[] = [];
  for (const { from, to, attemptsUsed } of queue) {
    const own: Ranges = [[from, to]];
    for (const [a, b] of intersect(own, chosen)) drawn.push({ from: a, to: b, handout, attemptsUsed, incarnation });
    for (const [a, b] of subtract(own, chosen)) rest.push({ from: a, to: b, attemptsUsed });
  }
  return { queue: rest, drawn };
}

function firstTasks(queue: readonly Queued[], n: number): Range[] {
  const first: Range[] = [];
  let wanted = n;
  for (const { from, to } of queue) {
    const cut = Math.min(to, from + Math.max(0, wanted));
    if (from < cut) first.push([from, cut]);
    wanted -= cut - from;
  }
  return first;
}

function firstGangs(queue: readonly Queued[], n: number, size: number, elsewhere: Ranges): Range[] {
  const first: Range[] = [];
  let wanted = n;
  for (const { gang, tasks } of gangsIn(queue, size)) {
    if (tasks > wanted) break;
    const all: Range = [gang * size, (gang + 1) * size];
    if (intersect([all], elsewhere).length > 0) continue;
    first.push(all);
    wanted -= tasks;
  }
  return normalize(first);
}

/** Gangs of which something is queued, in order, and how many tasks: those that are over are missing. */
function* gangsIn(queue: readonly Queued[], size: number): Generator<{ gang: number; tasks: number }> {
  let last = { gang: -1, tasks: 0 };
  for (const { from, to } of queue) {
    for (let index = from; index < to; ) {
      const gang = Math.floor(index / size);
      const end = Math.min(to, (gang + 1) * size);
      if (gang !== last.gang) {
        if (last.tasks > 0) yield last;
        last = { gang, tasks: 0 };
      }
      last.tasks += end - index;
      index = end;
    }
  }
  if (last.tasks > 0) yield last;
}

/** Splits off those indices that wait. */
export function apart(queue: readonly Queued[], waiting: Ranges): [others: readonly Queued[], waiting: Queued[]] {
  if (waiting.length === 0) return [queue, []];
  const cut = (keep: (range: Range) => Range[]): Queued[] =>
    queue.flatMap(({ from, to, attemptsUsed }) => keep([from, to]).map(([a, b]) => ({ from: a, to: b, attemptsUsed })));
  return [cut((range) => subtract([range], waiting)), cut((range) => intersect([range], waiting))];
}

export const rangesOf = (entries: readonly { from: number; to: number }[]): Range[] =>
  normalize(entries.map(({ from, to }): Range => [from, to]));
