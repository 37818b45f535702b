/**
 * Work of `copies: at-least-one` moves before it stops: when its node is drained, a new attempt is started elsewhere,
 * and the old one leaves when that runs. What finds no other place in this cluster is another cluster's from then on;
 * how it goes there is not seen here, so the old one runs on until the Broker says that it runs there, or the deadline
 * of a drain that still holds.
 */
import { handoutOf } from "../model/ids.ts";
import { contains, type Ranges } from "../model/ranges.ts";
import type { Returned } from "../protocol/levels.ts";
import { drainedNodes, drainOn, isPastDeadline } from "./drain.ts";
import { canRunHere, giveBack, stopLive } from "./ends.ts";
import { isAdopted } from "./liveTasks.ts";
import type { ClusterMemory } from "./memory.ts";
import { addReturned } from "./returns.ts";
import type { Drain } from "./schema.ts";
import { type JobState, type LeavingLive, type Live, partitionsFor } from "./state.ts";

/** A node shows an attempt before its process has begun: so long it has for that. */
const OVERLAP_MS = 2_000;
/** So long a place is looked for in this cluster, before another one may have the task. */
const MOVE_HERE_MS = 15_000;

/** It shall run elsewhere as well, and go then. There are never more than two, and none of a gang goes alone. */
function mayMove(memory: ClusterMemory, live: Live, now: number): boolean {
  const { job, index } = live;
  if (job.template.copies !== "at-least-one" || job.template.gang !== null || job.action !== "run") return false;
  if (!live.confirmed || live.stopping !== null || isAdopted(live) || job.leaving.has(index)) return false;
  const drain = drainOf(memory, live);
  return drain !== null && !isPastDeadline(drain, now);
}

function drainOf(memory: ClusterMemory, { node: name }: Live): Drain | null {
  const node = memory.nodes.get(name);
  return node && !node.removed ? drainOn(memory, node) : null;
}

/** Of one job, what wants another place. */
export function moversOf(memory: ClusterMemory, job: JobState, now: number): Live[] {
  if (job.template.copies !== "at-least-one" || (memory.self.drain === null && memory.drained.size === 0)) return [];
  return [...job.live.values()].filter((live) => mayMove(memory, live, now));
}

/** Stops what has been replaced, and gives away what finds no place here. */
export function stepMoves(memory: ClusterMemory, now: number): void {
  for (const job of memory.leavers)
    for (const live of job.leaving.values()) if (stopsAtMs(memory, live) <= now) stopLive(memory, live, "drained");
  for (const job of memory.placeableJobs()) {
    returnUnplaced(memory, job, now);
    const movers = moversOf(memory, job, now);
    if (movers.length === 0) continue;
    const isOnlyElsewhere = !canRunHere(memory, job, now);
    giveAway(
      memory,
      job,
      movers.filter((live) => isOnlyElsewhere || looksUntilMs(memory, live) <= now),
    );
  }
}

/** When an attempt that leaves is to be stopped, as far as is known now; Infinity: its node is not drained any more. */
function stopsAtMs(memory: ClusterMemory, live: LeavingLive): number {
  const { job, index, leavesAtMs } = live;
  const newest = job.live.get(index);
  const deadlineMs = drainOf(memory, live)?.deadlineMs ?? Number.POSITIVE_INFINITY;
  const latestMs = Math.min(leavesAtMs ?? Number.POSITIVE_INFINITY, deadlineMs);
  if (newest?.confirmed) return Math.min(latestMs, (newest.confirmedAt ?? 0) + OVERLAP_MS);
  const isOver = [job.done, job.failed, job.cancelled].some((ranges) => contains(ranges, index));
  return isOver ? 0 : latestMs;
}

const looksUntilMs = (memory: ClusterMemory, live: Live): number =>
  (drainOf(memory, live)?.sinceMs ?? 0) + MOVE_HERE_MS;

/** Two copies may run: it goes back to the Broker although the old one still does. */
function giveAway(memory: ClusterMemory, job: JobState, movers: readonly Live[]): void {
  const partitions = partitionsFor(job);
  const returned: Returned[] = [];
  for (const live of movers) {
    const { index, epoch, attemptsUsed } = live;
    memory.leave(live);
    memory.store.setTaskState(job.id, index, "returned");
    returned.push({
      from: index,
      to: index + 1,
      handout: handoutOf(epoch),
      attemptsUsed,
      reason: "drained",
      partitions,
    });
  }
  if (returned.length === 0) return;
  addReturned(memory, job, returned);
  job.dirty = "now";
  memory.saveGrant(job);
}

/** What was stopped and found no place here since: another cluster may have one. */
function returnUnplaced(memory: ClusterMemory, job: JobState, now: number): void {
  // Gangs go as a whole, when their own time is over.
  if (job.template.gang !== null) return;
  for (const { index, handout, attemptsUsed, drainedAt } of [...job.retry.values()]) {
    if (drainedAt === undefined || now - drainedAt < MOVE_HERE_MS) continue;
    job.retry.delete(index);
    memory.store.setTaskState(job.id, index, "returned");
    giveBack(memory, job, index, handout, attemptsUsed, "drained");
  }
}

/** Of these the newest attempt runs in another cluster. */
export function letGo(memory: ClusterMemory, job: JobState, moved: Ranges, now: number): void {
  for (const live of job.leaving.values()) {
    if (job.live.has(live.index) || !contains(moved, live.index)) continue;
    live.leavesAtMs ??= now + OVERLAP_MS;
    memory.saveLeaving(live);
  }
}

/** The job is over: nothing of it is wanted any more. */
export function stopLeaving(memory: ClusterMemory, job: JobState): void {
  for (const live of job.leaving.values()) stopLive(memory, live, "drained");
}

/** When moves want to be looked at again. */
export function* moveTimes(memory: ClusterMemory, now: number): Generator<number> {
  for (const job of memory.leavers) {
    for (const live of job.leaving.values()) {
      const atMs = live.stopping === null ? stopsAtMs(memory, live) : Number.POSITIVE_INFINITY;
      if (atMs < Number.POSITIVE_INFINITY) yield Math.max(now + 1, atMs);
    }
  }
  for (const node of drainedNodes(memory)) {
    const looksUntil = (drainOn(memory, node)?.sinceMs ?? 0) + MOVE_HERE_MS;
    if (looksUntil > now) yield looksUntil;
  }
}
