/**
 * Counts the silence of nodes in ticks, and gives up on attempts whose time is over. Nothing else ever does. The mark of
 * a node stays while it is silent, also when nothing of it is left to be given up: an object that is built anew must not
 * take it for up.
 */

import { RECOVERY_MS } from "../protocol/levels.ts";
import { lose, recoveryIsOver } from "./ends.ts";
import { endRecoveries, isAnyRecovering } from "./frameworks/recovery.ts";
import { returnLimbo } from "./grants.ts";
import type { OpenPoll } from "./heldPolls.ts";
import type { ClusterMemory } from "./memory.ts";
import { HOLD_FOR_MS, massHoldMs, OVERDUE_MS, silenceElapsed, TICK_MS, tickMs } from "./rules.ts";
import type { JobState, Live, NodeState, Silence } from "./state.ts";

/** A kept attempt of a removed node has no deadline: the node is told to stop it, and has so long to hear that. */
const REMOVED_KEPT_MS = 621_000;

/** Within this time after the recovery a node has told an end that it held again. */
const HELD_END_MS = 60_000;

/**
 * Marks nodes with live attempts that are overdue. A mark may be late, never early: it starts at no silence.
 *
 * @returns whether there is a new one
 */
export function markOverdue(memory: ClusterMemory, now: number): boolean {
  let isNew = false;
  for (const node of memory.nodes.values()) {
    if (!node.removed && overdueMs(node, now) <= 0) continue;
    for (const live of memory.liveOn(node.name)) {
      if (!mayBeLost(live, node) || memory.isMarked(node.name, live.session)) continue;
      memory.mark(node.name, live.session, now);
      dirtyJobsOn(memory, node.name);
      isNew = true;
    }
  }
  return isNew;
}

/**
 * After the object was rebuilt: a node whose poll is still held was heard when that came. No poll is held for longer
 * than was said, whatever a clock that jumped tells.
 */
export function recallHeard(memory: ClusterMemory, { node: name, heardAt, waitS }: OpenPoll, now: number): void {
  const node = memory.nodes.get(name);
  if (!node) return;
  node.expectMs = waitS * 1000;
  node.seenAt = Math.min(now, Math.max(heardAt, now - node.expectMs));
  memory.touch(name);
}

/** How long it has been late, ms; negative: it is not. */
const overdueMs = (node: NodeState, now: number): number => now - node.seenAt - node.expectMs - OVERDUE_MS;

/** What is kept however long its node is away needs no count, until a person removes the node. */
const mayBeLost = (live: Live, node: NodeState): boolean => live.job.template.lostAfterMs !== null || node.removed;

/** When the first of these nodes would be overdue; Infinity when nothing runs on any that is not marked already. */
export function nextOverdueAt(memory: ClusterMemory, nodes: Iterable<string>): number {
  let at = Number.POSITIVE_INFINITY;
  for (const name of nodes) {
    const node = memory.nodes.get(name);
    if (!node) continue;
    for (const live of memory.liveOn(name)) {
      if (!mayBeLost(live, node) || memory.isMarked(name, live.session)) continue;
      at = Math.min(at, node.seenAt + node.expectMs + OVERDUE_MS + 1);
      break;
    }
  }
  return at;
}

/**
 * While work waits for nodes, whichever it may have or the one that it was launched on, an object that slept would forget
 * since when it has not heard one that runs nothing: it stays awake until that one is heard or silent.
 */
export function* vigilTimes(memory: ClusterMemory, now: number): Generator<number> {
  if (isVigil(memory, now)) yield now + TICK_MS;
}

/** Which of them is late first would be a question about all of them in every turn. */
function isVigil(memory: ClusterMemory, now: number): boolean {
  const { nodes, frameworks } = memory;
  for (const name of frameworks.awaitedNodes) {
    const node = nodes.get(name);
    if (node && !memory.isSuspect(node, now)) return true;
  }
  if (memory.waitingJobs().length === 0) return false;
  for (const node of nodes.values()) if (node.rest !== "asleep" && memory.isUp(node, now)) return true;
  return false;
}

export function tick(memory: ClusterMemory, now: number): void {
  const counted: Silence[] = [];
  for (const mark of [...memory.silences.values()]) {
    if (liveIn(memory, mark).length === 0) {
      if (!isSilentIn(memory, mark)) memory.unmark(mark.node, mark.session);
      continue;
    }
    counted.push(mark);
    mark.silentMs += tickMs(mark.lastTickAt, now);
    mark.lastTickAt = now;
    memory.store.countSilence(mark.node, mark.session, mark.silentMs);
  }
  const { silences, nodes } = silencesOf(memory, now);
  for (const mark of counted) {
    const node = memory.nodes.get(mark.node);
    // A node that speaks in a later session has its link.
    const holdMs = node?.session === mark.session ? massHoldMs(mark.silentMs, silences, nodes) : 0;
    noteHold(mark, holdMs, memory);
    for (const attempt of liveIn(memory, mark)) {
      if (!silenceElapsed(mark.silentMs - holdMs, limitMsOf(attempt, node))) continue;
      // Others must not be sent to where nobody answers.
      if (node && node.session === mark.session) noteSilent(memory, node, now);
      memory.followed.gaveUp(attempt, mark.silentMs, now);
      lose(memory, attempt, now);
    }
  }
}

const liveIn = (memory: ClusterMemory, { node, session }: Silence): Live[] =>
  [...memory.liveOn(node)].filter((attempt) => attempt.session === session);

/** Time counts for some attempt. */
export function ticks(memory: ClusterMemory): boolean {
  for (const mark of memory.silences.values()) if (liveIn(memory, mark).length > 0) return true;
  return false;
}

function isSilentIn(memory: ClusterMemory, { node: name, session }: Silence): boolean {
  const node = memory.nodes.get(name);
  return node?.isSilent === true && !node.removed && node.session === session;
}

/** Silence after which it is given up; null: never. */
const limitMsOf = ({ job }: Live, node: NodeState | undefined): number | null =>
  job.template.lostAfterMs ?? (node?.removed ? REMOVED_KEPT_MS : null);

/** How long each silent node has been so, ascending; those on which nothing runs by the clock, as none counts for them. */
function silencesOf(memory: ClusterMemory, now: number): { silences: number[]; nodes: number } {
  const silences: number[] = [];
  let nodes = 0;
  for (const node of memory.nodes.values()) {
    if (node.removed) continue;
    nodes += 1;
    const mark = memory.silenceOf(node.name, node.session);
    const silentMs = mark && liveIn(memory, mark).length > 0 ? mark.silentMs : overdueMs(node, now);
    if (silentMs >= 0) silences.push(silentMs);
  }
  return { silences: silences.sort((a, b) => a - b), nodes };
}

/** Nothing new is placed there until it is heard, and everyone is told. */
export function noteSilent(memory: ClusterMemory, node: NodeState, now: number): void {
  if (node.removed || node.isSilent) return;
  node.isSilent = true;
  memory.touch(node.name);
  memory.mark(node.name, node.session, now);
  memory.store.noteSilent(node.name, node.session);
  memory.events.push({ type: "node.silent", node: node.name });
  memory.dirtyLaunchedOn(node.name);
  memory.lostAgents.add(node.name);
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

/**
 * What the work waits for that silent nodes have, and for how long if they stay silent; null: all nodes that have some
 * speak, or it is theirs for ever.
 */
export function heldBySilence(
  memory: ClusterMemory,
  job: JobState,
): { reason: "holding" | "mass-silence"; forMs: number } | null {
  if (memory.silences.size === 0) return null;
  let forMs: number | null = null;
  let isMass = false;
  for (const live of job.live.values()) {
    const mark = memory.silenceOf(live.node, live.session);
    const limitMs = limitMsOf(live, memory.nodes.get(live.node));
    if (!mark || limitMs === null) continue;
    isMass ||= mark.isMass;
    forMs = Math.max(forMs ?? 0, limitMs + (mark.isMass ? HOLD_FOR_MS : 0) - mark.silentMs);
  }
  return forMs === null ? null : { reason: isMass ? "mass-silence" : "holding", forMs };
}

/** The same for work that only the Broker knows of since this object began anew. */
export function tickRecovery(memory: ClusterMemory, sinceMs: number): void {
  if (!recoveryTicks(memory)) return;
  memory.self = { ...memory.self, recoverMs: memory.self.recoverMs + Math.min(TICK_MS, sinceMs) };
  memory.store.saveSelf(memory.self);
  for (const job of memory.jobs.values()) {
    // What is kept has no limit; a person who cancels it does not want it back.
    const limitMs = job.template.lostAfterMs ?? (job.action === "cancel" ? RECOVERY_MS : null);
    if (job.limbo.length === 0 || !silenceElapsed(memory.self.recoverMs, limitMs)) continue;
    // A node that tells of an end tells it again with its next poll, and then it counts.
    if (limitMs !== null && memory.self.recoverMs >= limitMs + HELD_END_MS) job.heldEnds.clear();
    returnLimbo(memory, job);
  }
  endRecoveries(memory);
}

export const recoveryTicks = (memory: ClusterMemory): boolean => {
  const { recoverMs } = memory.self;
  if (recoverMs < 0) return false;
  if (recoverMs < RECOVERY_MS || isAnyRecovering(memory)) return true;
  for (const job of memory.unrecovered) if (job.limbo.length > 0 || !recoveryIsOver(memory, job)) return true;
  return false;
};
