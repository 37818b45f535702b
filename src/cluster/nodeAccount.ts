/** What one node adds to the accounts and to what is told: made from the memory whenever something of it changed. */
import { add, type Resources } from "../model/resources.ts";
import type { Inventory } from "../protocol/agent.ts";
import { type CountedNode, partitionsOf, positive, unusedOn } from "./partitions.ts";
import { isLeaving, type Live, type NodeState } from "./state.ts";

export interface NodeAccount extends CountedNode {
  isRemoved: boolean;
  isSuspect: boolean;
  isDrained: boolean;
  inventory: Inventory | null;
  /** by partition, used by what no limit of the Broker's counts: ghosts, and attempts that leave */
  beside: ReadonlyMap<string, Resources>;
  /** it is up and has what it says: whatever runs on it, its partitions have the same */
  isPlain: boolean;
}

/** What it is made of. */
export interface NodeFacts {
  partitions: Parameters<typeof partitionsOf>[0];
  liveOn(node: string): Iterable<Live>;
  isUp(node: NodeState, now: number): boolean;
  isSuspect(node: NodeState, now: number): boolean;
  isDrained(node: NodeState): boolean;
  holds: { amountsOn(node: string): ReadonlyMap<string, Resources> };
  frameworks: { kept: { on(node: string): ReadonlyMap<string, Resources> } };
  attributesOf(node: NodeState): Record<string, string>;
  spec(partition: string): { name: string };
}

/** @param before as it was: attributes and partitions are taken from it if they are as they were */
export function nodeAccountOf(
  facts: NodeFacts,
  node: NodeState,
  position: number,
  now: number,
  before?: NodeAccount,
): NodeAccount {
  const { inventory, removed } = node;
  const isSame = before !== undefined && before.inventory === inventory;
  const attributes = isSame ? before.attributes : facts.attributesOf(node);
  const homes = isSame ? before.homes : partitionsOf(facts.partitions, attributes);
  const used = new Map<string, Resources>();
  const stopping = new Map<string, Resources>();
  const beside = new Map<string, Resources>();
  for (const live of facts.liveOn(node.name)) {
    const { job, partition } = live;
    const { name } = facts.spec(partition);
    note(job.action === "cancel" || live.stopping !== null ? stopping : used, name, job.template.resources);
    if (isLeaving(live)) note(beside, name, job.template.resources);
  }
  for (const ghost of node.ghosts.values()) {
    // They are of no partition: they take from the one that has the node whole.
    const whole = homes.at(-1) as string;
    note(stopping, whole, ghost);
    note(beside, whole, ghost);
  }
  // A removed node counts as large as what may still run there.
  const capacity = removed ? {} : (inventory?.capacity ?? {});
  const up = facts.isUp(node, now);
  const reserved = up ? facts.holds.amountsOn(node.name) : NOTHING;
  const offered = facts.frameworks.kept.on(node.name);
  const unused = unusedOn({ attributes, capacity, up, used, offered, reserved, stopping });
  const rest = positive(unused);
  return {
    attributes,
    capacity,
    up,
    used,
    offered,
    reserved,
    stopping,
    homes,
    unused: rest,
    position,
    isRemoved: removed,
    isSuspect: facts.isSuspect(node, now),
    isDrained: facts.isDrained(node),
    inventory,
    beside,
    isPlain: up && rest === unused && beside.size === 0,
  };
}

const NOTHING: ReadonlyMap<string, Resources> = new Map();

const note = (sums: Map<string, Resources>, name: string, amounts: Resources): void =>
  void sums.set(name, add(sums.get(name) ?? {}, amounts));

/** Nothing that sums or reports are made of is different. */
export const countsAlike = (a: NodeAccount, b: NodeAccount): boolean =>
  tellsAlike(a, b) &&
  areAlike(a.used, b.used) &&
  areAlike(a.offered, b.offered) &&
  areAlike(a.reserved, b.reserved) &&
  areAlike(a.stopping, b.stopping) &&
  areAlike(a.beside, b.beside);

/** Nothing that is told of its partitions is different, as long as both are plain. */
export const tellsAlike = (a: NodeAccount, b: NodeAccount): boolean =>
  a.up === b.up &&
  a.isSuspect === b.isSuspect &&
  a.isDrained === b.isDrained &&
  a.isRemoved === b.isRemoved &&
  a.inventory === b.inventory &&
  a.homes === b.homes;

function areAlike(a: ReadonlyMap<string, Resources>, b: ReadonlyMap<string, Resources>): boolean {
  if (a.size !== b.size) return false;
  for (const [name, amounts] of a) {
    const others = b.get(name);
    if (others === undefined || !isAlike(amounts, others)) return false;
  }
  return true;
}

function isAlike(a: Resources, b: Resources): boolean {
  for (const name in a) if ((a[name] ?? 0) !== (b[name] ?? 0)) return false;
  for (const name in b) if ((a[name] ?? 0) !== (b[name] ?? 0)) return false;
  return true;
}
