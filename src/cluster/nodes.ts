/** What machines that join and people who look after them ask of a Cluster's nodes. */
import { Problem } from "../model/problems.ts";
import type { NodeView } from "../model/views.ts";
import { setNodeDrain } from "./drain.ts";
import { cutOff, isCut } from "./drill/cut.ts";
import type { ClusterMemory } from "./memory.ts";
import { type NodeState, newNode } from "./state.ts";
import { nodeView } from "./views.ts";

/** A repeated join finds its node. */
export function joinNode(
  memory: ClusterMemory,
  { name, key }: { name: string; key: string },
  now: number,
): { node: string; serial: number } {
  if (isCut(memory, now)) throw cutOff();
  for (const node of memory.nodes.values()) {
    if (node.joinKey === key && !node.removed) return { node: node.name, serial: node.serial };
  }
  let free = name;
  for (let n = 2; !memory.isFree(free); n++) free = `${name}-${n}`;
  const serial = (memory.nodes.get(free)?.serial ?? 0) + 1;
  const node = newNode({ name: free, serial, joinKey: key }, now);
  memory.addNode(node);
  memory.saveNode(node);
  memory.events.push({ type: "node.joined", node: free });
  return { node: free, serial };
}

export function nodeNamed(memory: ClusterMemory, name: string): NodeState {
  const node = memory.nodes.get(name);
  if (!node) throw new Problem("not-found", `cluster ${memory.cluster} has no node ${name}`);
  return node;
}

/** One that was not removed. */
export function presentNode(memory: ClusterMemory, name: string): NodeState {
  const node = nodeNamed(memory, name);
  if (node.removed) throw new Problem("gone", `node ${name} was removed`);
  return node;
}

/** @param serial of a credential that must be the node's */
export function viewNode(
  memory: ClusterMemory,
  { name, serial }: { name: string; serial?: number },
  now: number,
): NodeView {
  const node = nodeNamed(memory, name);
  if (serial !== undefined && (node.removed || node.serial !== serial))
    throw new Problem("unauthenticated", "this credential is of a node that was removed or has joined anew");
  return nodeView(memory, node, now);
}

export function nodePage(
  memory: ClusterMemory,
  { after, limit }: { after: string | null; limit: number },
  now: number,
): { items: NodeView[]; next: string | null } {
  const names = [...memory.nodes.values()]
    .filter((n) => !n.removed && (after === null || n.name > after))
    .map((n) => n.name)
    .sort();
  return {
    items: names.slice(0, limit).map((name) => viewNode(memory, { name }, now)),
    next: names.length > limit ? (names[limit - 1] ?? null) : null,
  };
}

export function pauseNode(
  memory: ClusterMemory,
  { name, paused }: { name: string; paused: boolean },
  now: number,
): NodeView {
  const node = presentNode(memory, name);
  node.paused = paused;
  memory.saveNode(node);
  return nodeView(memory, node, now);
}

/** What may still run there is handed out again by the silence rule alone. @returns whether it was there */
export function removeNode(memory: ClusterMemory, node: NodeState, now: number): boolean {
  const { name } = node;
  if (node.removed) return false;
  node.removed = true;
  setNodeDrain(memory, node, null);
  // It is not heard any more, and takes no room of what is left.
  memory.setGhosts(node, new Map());
  memory.saveNode(node);
  memory.nodeChanged(node);
  memory.frameworks.nodeChanged(node);
  memory.events.push({ type: "node.removed", node: name });
  memory.lostAgents.add(name);
  memory.dirtyLaunchedOn(name);
  if ([...memory.liveOn(name)].length === 0) memory.unmark(name, node.session);
  for (const live of memory.liveOn(name)) memory.mark(name, live.session, now);
  return true;
}
