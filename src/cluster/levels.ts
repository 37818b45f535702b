/** What the Broker is told of a cluster's partitions: amounts, shapes of nodes, policies. Derived from the memory. */
import { sharedAttributes } from "../model/constraints.ts";
import { lendableOf } from "../model/partition.ts";
import { add, type Resources, subtract } from "../model/resources.ts";
import type { Inventory } from "../protocol/agent.ts";
import type { PartitionLevel, Shape } from "../protocol/levels.ts";
import { keptFor } from "./making.ts";
import type { ClusterMemory } from "./memory.ts";
import { type Account, type AccountNode, accountsOf, keptIn, partitionsOf } from "./partitions.ts";
import { attemptsOf, type NodeState } from "./state.ts";

/** By partition; they add up to what the nodes have, per resource. */
export function accounts(memory: ClusterMemory, now: number): Map<string, Account> {
  const all: Map<string, Account> = accountsOf(memory.partitions, accountNodes(memory, now));
  // What was made free on a node that is up: no partition has more or less by it.
  for (const made of memory.making.places) {
    const node = memory.nodes.get(made.node);
    const { name } = memory.spec(made.partition);
    const account = all.get(name);
    if (account && node && memory.isUp(node, now)) all.set(name, keptIn(account, keptFor(made)));
  }
  return all;
}

function accountNodes(memory: ClusterMemory, now: number): AccountNode[] {
  const taken = takenByNode(memory);
  const held = memory.holds.amounts();
  return [...memory.nodes.values()]
    .filter((node) => !node.removed || taken.has(node.name))
    .map((node) => ({
      attributes: memory.attributesOf(node),
      // A removed node counts as large as what may still run there.
      capacity: node.removed ? {} : (node.inventory?.capacity ?? {}),
      up: memory.isUp(node, now),
      used: taken.get(node.name)?.used ?? new Map(),
      reserved: memory.isUp(node, now) ? (held.get(node.name) ?? NOTHING) : NOTHING,
      stopping: withGhosts(memory, node, taken.get(node.name)?.stopping ?? new Map()),
    }));
}

const NOTHING: ReadonlyMap<string, Resources> = new Map();

interface Taken {
  used: Map<string, Resources>;
  stopping: Map<string, Resources>;
}

function takenByNode(memory: ClusterMemory): Map<string, Taken> {
  const byNode = new Map<string, Taken>();
  for (const job of memory.jobs.values()) {
    for (const { node, partition, stopping } of attemptsOf(job)) {
      const taken = byNode.get(node) ?? { used: new Map(), stopping: new Map() };
      byNode.set(node, taken);
      const amounts = job.action === "cancel" || stopping !== null ? taken.stopping : taken.used;
      const { name } = memory.spec(partition);
      amounts.set(name, add(amounts.get(name) ?? {}, job.template.resources));
    }
  }
  return byNode;
}

/** Ghosts are of no partition: they take from the one that has the node whole. */
function withGhosts(memory: ClusterMemory, node: NodeState, stopping: Map<string, Resources>): Map<string, Resources> {
  if (node.ghosts.size === 0) return stopping;
  const whole = wholeOf(memory, node);
  let amounts = stopping.get(whole) ?? {};
  for (const ghost of node.ghosts.values()) amounts = add(amounts, ghost);
  return new Map(stopping).set(whole, amounts);
}

const wholeOf = (memory: ClusterMemory, node: NodeState): string =>
  partitionsOf(memory.partitions, memory.attributesOf(node)).at(-1) as string;

/** What the Broker needs to know of each partition. */
export function levels(memory: ClusterMemory, now: number): PartitionLevel[] {
  const all = accounts(memory, now);
  const shapes = shapesOf(memory, now);
  const beside = besideGrants(memory);
  return memory.partitions.map(({ name, owner, slice, price, speed, lend }) => {
    const { total = {}, down = {}, offered = {} } = all.get(name) ?? {};
    return {
      name,
      owner,
      isSlice: slice !== null,
      price,
      speed,
      total,
      usable: subtract(subtract(total, down), beside.get(name) ?? {}),
      offered,
      lendable: lendableOf(lend, total),
      shapes: shapes.get(name) ?? [],
    };
  });
}

/** What takes room and no limit of the Broker's counts: ghosts, and attempts that leave. */
function besideGrants(memory: ClusterMemory): Map<string, Resources> {
  const beside = new Map<string, Resources>();
  const note = (name: string, amounts: Resources) => beside.set(name, add(beside.get(name) ?? {}, amounts));
  for (const node of memory.nodes.values())
    for (const [name, amounts] of withGhosts(memory, node, new Map())) note(name, amounts);
  for (const { leaving, template } of memory.jobs.values())
    for (const { partition } of leaving.values()) note(memory.spec(partition).name, template.resources);
  return beside;
}

/** By partition, its nodes that are up, those alike together. */
function shapesOf(memory: ClusterMemory, now: number): Map<string, Shape[]> {
  const found = new Map<string, Map<string, Shape>>();
  for (const node of memory.upNodes(now)) {
    if (node.inventory === null) continue;
    const { key, one } = shapeOf(node.inventory);
    for (const name of partitionsOf(memory.partitions, memory.attributesOf(node))) {
      const shapes = found.get(name) ?? new Map<string, Shape>();
      found.set(name, shapes);
      const shape = shapes.get(key);
      if (shape) shape.count += 1;
      else shapes.set(key, { ...one });
    }
  }
  return new Map([...found].map(([name, shapes]) => [name, [...shapes.values()]]));
}

/** Asked of every node in every turn; an inventory never changes. */
const known = new WeakMap<Inventory, { key: string; one: Shape }>();

function shapeOf(inventory: Inventory): { key: string; one: Shape } {
  const before = known.get(inventory);
  if (before) return before;
  const { capacity, roles, drivers } = inventory;
  const attributes = sharedAttributes(inventory.attributes);
  const one = { count: 1, capacity, attributes, ...(roles && { roles }), drivers };
  const shape = { key: JSON.stringify(one), one };
  known.set(inventory, shape);
  return shape;
}
