/** What the Broker is told of a cluster's partitions: amounts, shapes of nodes, policies. */
import { lendableOf } from "../model/partition.ts";
import { type Resources, subtract } from "../model/resources.ts";
import type { PartitionLevel } from "../protocol/levels.ts";
import { roomsIn } from "./frameworks/uses.ts";
import { keptFor } from "./making.ts";
import type { ClusterMemory } from "./memory.ts";
import { type Account, keptIn } from "./partitions.ts";

/** By partition; they add up to what the nodes have, per resource. */
export function accounts(memory: ClusterMemory, now: number): ReadonlyMap<string, Account> {
  const all = memory.nodeAccounts.accounts(now);
  if (memory.making.isEmpty) return all;
  const withKept = new Map(all);
  // What was made free on a node that is up: no partition has more or less by it.
  for (const made of memory.making.places) {
    const { name } = memory.spec(made.partition);
    for (const there of made.places.keys()) {
      const node = memory.nodes.get(there);
      const account = withKept.get(name);
      if (account && node && memory.isUp(node, now)) withKept.set(name, keptIn(account, keptFor(made, there)));
    }
  }
  return withKept;
}

/** What the Broker needs to know of each partition. */
export function levels({ partitions, nodeAccounts, frameworks }: ClusterMemory, now: number): PartitionLevel[] {
  // By them it is known of which partitions nodes are.
  const accounts = nodeAccounts.accounts(now);
  if (!frameworks.isEmpty) frameworks.look(now);
  const shapes = nodeAccounts.shapes(now);
  const beside = nodeAccounts.beside(now);
  return partitions.map(({ name, owner, slice, price, speed, lend }) => {
    const { total = {}, down = {}, offered = {} } = accounts.get(name) ?? {};
    return {
      name,
      owner,
      isSlice: slice !== null,
      price,
      speed,
      total: inOrder(total),
      usable: inOrder(subtract(subtract(total, down), beside.get(name) ?? {})),
      offered,
      lendable: inOrder(lendableOf(lend, total)),
      shapes: shapes.get(name) ?? [],
      ...(!frameworks.isEmpty && { rooms: roomsIn(frameworks, name) }),
    };
  });
}

/** So that the same amounts are the same text. */
const inOrder = (amounts: Resources): Resources =>
  Object.fromEntries(Object.entries(amounts).sort(([a], [b]) => (a < b ? -1 : 1)));
