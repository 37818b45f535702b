/** Counts the silence of nodes in ticks, and gives up on attempts whose time is over. Nothing else ever does. */

import { lose, RECOVERY_MS, recoveryIsOver } from "./ends.ts";
import { returnLimbo } from "./grants.ts";
import type { ClusterMemory } from "./memory.ts";
import { massHoldMs, TICK_MS, tickMs } from "./rules.ts";
import { attemptsOf, isAdopted, type JobState, type Live, type NodeState, type Silence } from "./state.ts";

/** A kept attempt of a removed node has no deadline: the node is told to stop it, and has so long to hear that. */
const REMOVED_KEPT_MS = 621_000;
/** Beyond the time a node said it would poll within. */
const OVERDUE_MS = 10_000;

/** Within this time after the recovery a node has told an end that it held again. */
const HELD_END_MS = 60_000;

/** Marks nodes with live attempts that are overdue. A mark may be late, never early: it starts at no silence. */
export function markOverdue(memory: ClusterMemory, now: number): void {
  for (const node of memory.nodes.values()) {
    if (!node.removed && now - node.seenAt <= node.expectMs + OVERDUE_MS) continue;
    for (const live of memory.liveOn(node.name)) {
      if (!mayBeLost(live, node) || memory.isMarked(node.name, live.session)) continue;
      memory.mark(node.name, live.session, now);
      dirtyJobsOn(memory, node.name);
    }
  }
}

/** What is kept however long its node is away needs no count, until a person removes the node. */
const mayBeLost = (live: Live, node: NodeState): boolean => live.job.template.lostAfterMs !== null || node.removed;

/** When the next node would be overdue; null when nothing runs on any that is not marked already. */
export function nextOverdueAt(memory: ClusterMemory): number | null {
  let at: number | null = null;
  for (const job of memory.jobs.values()) {
    for (const live of attemptsOf(job)) {
      const node = memory.nodes.get(live.node);
      if (!node || !mayBeLost(live, node) || memory.isMarked(live.node, live.session)) continue;
      at = Math.min(at ?? Number.POSITIVE_INFINITY, node.seenAt + node.expectMs + OVERDUE_MS + 1);
    }
  }
  return at;
}

export function tick(memory: ClusterMemory, now: number): void {
  const nodes = [...memory.nodes.values()].filter((node) => !node.removed).length;
  for (const mark of [...memory.silences.values()]) {
    const live = [...memory.liveOn(mark.node)].filter((attempt) => attempt.session === mark.session);
    if (live.length === 0) {
      memory.unmark(mark.node, mark.session);
      continue;
    }
    mark.silentMs += tickMs(mark.lastTickAt, now);
    mark.lastTickAt = now;
    memory.store.mark(mark.node, mark.session, mark.silentMs);
    const all = [...memory.silences.values()].map((other) => other.silentMs);
    const holdMs = massHoldMs(mark.silentMs, all, nodes);
    noteHold(mark, holdMs, memory);
    const countedMs = mark.silentMs - holdMs;
    const removed = memory.nodes.get(mark.node)?.removed === true;
    for (const attempt of live) {
      const { lostAfterMs } = attempt.job.template;
      if (memory.rules.silenceElapsed(countedMs, lostAfterMs ?? (removed ? REMOVED_KEPT_MS : null)))
        lose(memory, attempt, now);
    }
  }
}

/** That replacements wait because so many are silent together is told once. */
function noteHold(mark: Silence, holdMs: number, memory: ClusterMemory): void {
  if (holdMs > 0 === mark.isMass) return;
  const isFirst = holdMs > 0 && ![...memory.silences.values()].some(({ isMass }) => isMass);
  mark.isMass = holdMs > 0;
  dirtyJobsOn(memory, mark.node);
  if (!isFirst) return;
  const detail = `more than a third of ${memory.nodes.size} nodes fell silent together; what ran there waits ${holdMs / 60_000} min longer`;
  memory.events.push({ type: "cluster.mass-silence", detail });
}

/** Why their work waits has changed. */
function dirtyJobsOn(memory: ClusterMemory, node: string): void {
  for (const { job } of memory.liveOn(node)) if (job.dirty === "no") job.dirty = "soon";
}

/** What the work waits for that a silent node has; null: all nodes that have some speak. */
export function heldBySilence(memory: ClusterMemory, job: JobState): "holding" | "mass-silence" | null {
  if (memory.silences.size === 0) return null;
  let held: "holding" | "mass-silence" | null = null;
  for (const { node, session } of job.live.values()) {
    const mark = memory.silenceOf(node, session);
    if (mark?.isMass) return "mass-silence";
    if (mark) held = "holding";
  }
  return held;
}

/** The same for work that only the Broker knows of since this object began anew. */
export function tickRecovery(memory: ClusterMemory, sinceMs: number): void {
  if (!recoveryTicks(memory)) return;
  memory.self = { ...memory.self, recoverMs: memory.self.recoverMs + Math.min(TICK_MS, sinceMs) };
  memory.store.saveSelf(memory.self);
  for (const job of memory.jobs.values()) {
    // What is kept has no limit; a person who cancels it does not want it back.
    const limitMs = job.template.lostAfterMs ?? (job.action === "cancel" ? RECOVERY_MS : null);
    if (job.limbo.length === 0 || !memory.rules.silenceElapsed(memory.self.recoverMs, limitMs)) continue;
    // A node that tells of an end tells it again with its next poll, and then it counts.
    if (limitMs !== null && memory.self.recoverMs >= limitMs + HELD_END_MS) job.heldEnds.clear();
    returnLimbo(memory, job);
  }
}

export const recoveryTicks = (memory: ClusterMemory): boolean => {
  const { recoverMs } = memory.self;
  if (recoverMs < 0) return false;
  if (recoverMs < RECOVERY_MS) return true;
  for (const job of memory.jobs.values()) {
    if (job.limbo.length > 0) return true;
    if (!recoveryIsOver(memory, job)) for (const live of job.live.values()) if (isAdopted(live)) return true;
  }
  return false;
};
