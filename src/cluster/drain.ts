/**
 * Nodes, or the whole cluster, that shall be empty: nothing new is placed there, what runs may end by itself until a
 * deadline, and what is left then is stopped and tried again elsewhere. All times are by this object's clock.
 */
import { formatDuration } from "../model/duration.ts";
import type { DrainView } from "../model/views.ts";
import { stopLive } from "./ends.ts";
import type { ClusterMemory } from "./memory.ts";
import { noteOnce } from "./requests.ts";
import type { Drain } from "./schema.ts";
import { type NodeState, stockSize } from "./state.ts";

export interface DrainWish {
  /** from now on so long what runs may go on */
  deadlineMs: number;
  /** used again by itself so long after the deadline; null: when a person says so */
  forMs: number | null;
  /** equal for copies of one request, which hold once */
  request?: string;
}

/** Said again it holds from now on as it is said. */
function drainBy({ deadlineMs, forMs }: DrainWish, before: Drain | null, now: number): Drain {
  const endMs = now + deadlineMs;
  return {
    sinceMs: before?.sinceMs ?? now,
    deadlineMs: endMs,
    untilMs: forMs === null ? null : endMs + forMs,
    emptyAtMs: null,
  };
}

function detailOf({ deadlineMs, forMs }: DrainWish): string {
  const stops = deadlineMs === 0 ? "what runs is stopped now" : `what runs is stopped in ${formatDuration(deadlineMs)}`;
  return forMs === null ? stops : `${stops}, used again ${formatDuration(forMs)} after that`;
}

const WINDOW_OVER = "its time is over";

export function drainNode(memory: ClusterMemory, node: NodeState, wish: DrainWish, now: number): void {
  if (wish.request !== undefined && !noteOnce(memory, `${node.name} ${wish.request}`)) return;
  setNodeDrain(memory, node, drainBy(wish, node.drain, now));
  memory.events.push({ type: "node.draining", node: node.name, detail: detailOf(wish) });
}

export function undrainNode(memory: ClusterMemory, node: NodeState, detail?: string): void {
  if (node.drain === null) return;
  setNodeDrain(memory, node, null);
  memory.events.push({ type: "node.undrained", node: node.name, ...(detail && { detail }) });
}

export function setNodeDrain(memory: ClusterMemory, node: NodeState, drain: Drain | null): void {
  node.drain = drain;
  if (drain === null) memory.drained.delete(node);
  else memory.drained.add(node);
  memory.saveNode(node);
}

export function drainCluster(memory: ClusterMemory, wish: DrainWish, now: number): void {
  if (wish.request !== undefined && !noteOnce(memory, wish.request)) return;
  setClusterDrain(memory, drainBy(wish, memory.self.drain, now));
  memory.events.push({ type: "cluster.draining", detail: detailOf(wish) });
}

export function undrainCluster(memory: ClusterMemory, detail?: string): void {
  if (memory.self.drain === null) return;
  setClusterDrain(memory, null);
  memory.events.push({ type: "cluster.undrained", ...(detail && { detail }) });
}

function setClusterDrain(memory: ClusterMemory, drain: Drain | null): void {
  const isOther = (memory.self.drain === null) !== (drain === null);
  memory.self = { ...memory.self, drain };
  if (isOther) memory.touchAll();
  memory.store.saveSelf(memory.self);
}

/** What holds for a node that is drained by itself, with its cluster, or both: the stricter. */
export function drainOn(memory: ClusterMemory, node: NodeState): Drain | null {
  const own = node.drain;
  const all = memory.self.drain;
  if (own === null || all === null) return own ?? all;
  return {
    sinceMs: Math.min(own.sinceMs, all.sinceMs),
    deadlineMs: Math.min(own.deadlineMs, all.deadlineMs),
    untilMs: own.untilMs === null || all.untilMs === null ? null : Math.max(own.untilMs, all.untilMs),
    emptyAtMs: own.emptyAtMs,
  };
}

export const isPastDeadline = ({ deadlineMs }: Drain, now: number): boolean => now >= deadlineMs;

export function* drainedNodes(memory: ClusterMemory): Generator<NodeState> {
  if (memory.self.drain === null) yield* memory.drained;
  else for (const node of memory.nodes.values()) if (!node.removed) yield node;
}

/** Attempts that may still run there. */
const leftOn = (memory: ClusterMemory, node: NodeState): number =>
  [...memory.liveOn(node.name)].length + node.ghosts.size;

function leftIn(memory: ClusterMemory): number {
  let left = 0;
  for (const { live, leaving, limbo } of memory.jobs.values()) left += live.size + leaving.size + stockSize(limbo);
  for (const { ghosts } of memory.nodes.values()) left += ghosts.size;
  return left;
}

/** Ends what is over, stops what ran too long, tells what has become empty. Cheap when nothing is drained. */
export function stepDrains(memory: ClusterMemory, now: number): void {
  const isOver = (drain: Drain | null) => drain !== null && drain.untilMs !== null && drain.untilMs <= now;
  if (isOver(memory.self.drain)) undrainCluster(memory, WINDOW_OVER);
  for (const node of [...memory.drained]) if (isOver(node.drain)) undrainNode(memory, node, WINDOW_OVER);
  for (const node of drainedNodes(memory)) {
    const drain = drainOn(memory, node);
    // What becomes of the work of a silent node its silence decides, and nothing else.
    if (drain && isPastDeadline(drain, now) && !memory.isSuspect(node, now)) stopAllOn(memory, node);
  }
  tellEmpty(memory, now);
}

function stopAllOn(memory: ClusterMemory, node: NodeState): void {
  for (const live of memory.liveOn(node.name)) if (live.job.action === "run") stopLive(memory, live, "drained");
}

function tellEmpty(memory: ClusterMemory, now: number): void {
  for (const node of memory.drained) {
    if (node.drain === null || node.drain.emptyAtMs !== null || leftOn(memory, node) > 0) continue;
    setNodeDrain(memory, node, { ...node.drain, emptyAtMs: now });
    memory.events.push({ type: "node.drained", node: node.name });
  }
  const all = memory.self.drain;
  if (all === null || all.emptyAtMs !== null || leftIn(memory) > 0) return;
  setClusterDrain(memory, { ...all, emptyAtMs: now });
  memory.events.push({ type: "cluster.drained" });
}

/** When drains want to be looked at again. */
export function* drainTimes(memory: ClusterMemory, now: number): Generator<number> {
  for (const drain of [memory.self.drain, ...[...memory.drained].map((node) => node.drain)]) {
    if (drain === null) continue;
    if (drain.deadlineMs > now) yield drain.deadlineMs;
    if (drain.untilMs !== null) yield Math.max(now + 1, drain.untilMs);
  }
}

// What people see.

export const clusterDrainView = (memory: ClusterMemory): DrainView | null =>
  memory.self.drain && drainView(memory.self.drain, leftIn(memory));

export function nodeDrainView(memory: ClusterMemory, node: NodeState): (DrainView & { by: "node" | "cluster" }) | null {
  const drain = node.removed ? null : drainOn(memory, node);
  return drain && { by: node.drain ? "node" : "cluster", ...drainView(drain, leftOn(memory, node)) };
}

const drainView = ({ deadlineMs, untilMs }: Drain, left: number): DrainView => ({
  left,
  deadlineAt: deadlineMs,
  endsAt: untilMs,
});
