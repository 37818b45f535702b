/** What an owner does to the partitions of a cluster. What runs goes on, and counts where it was handed out. */
import { type PartitionSpec, REST } from "../model/partition.ts";
import { Problem } from "../model/problems.ts";
import type { PartitionView } from "../model/views.ts";
import { accounts } from "./levels.ts";
import type { ClusterMemory } from "./memory.ts";
import { partitionView } from "./views.ts";

/** Each is told to the Broker with the shapes of its nodes, in one row. */
const MAX_PARTITIONS = 16;

export function viewAll(memory: ClusterMemory, now: number): PartitionView[] {
  const amounts = accounts(memory, now);
  return memory.partitions.flatMap((spec) => {
    const account = amounts.get(spec.name);
    return account ? [partitionView(memory, spec, account, now)] : [];
  });
}

/** @throws Problem `not-found` */
export function viewOne(memory: ClusterMemory, name: string, now: number): PartitionView {
  const view = viewAll(memory, now).find((one) => one.name === name);
  if (view) return view;
  const names = memory.partitions.map((spec) => spec.name).join(", ");
  throw new Problem("not-found", `cluster ${memory.cluster} has no partition ${name}; there are ${names}`);
}

/** @throws Problem when `default` is to be something else than the rest */
export function put(memory: ClusterMemory, spec: PartitionSpec, position: number | null): void {
  if (spec.name === REST && (spec.nodes.length > 0 || spec.slice !== null)) {
    throw new Problem(
      "invalid-request",
      "partition default holds whatever no other one has: it takes an owner, lend, pack, price and speed, but neither nodes nor slice",
    );
  }
  if (memory.partitions.length >= MAX_PARTITIONS && !memory.partitions.some(({ name }) => name === spec.name)) {
    throw new Problem("conflict", `a cluster has at most ${MAX_PARTITIONS} partitions`);
  }
  const before = memory.partitions.find(({ name }) => name === spec.name);
  if (before && position === null && JSON.stringify(before) === JSON.stringify(spec)) return;
  const others = memory.partitions.filter(({ name }) => name !== spec.name);
  const at = position ?? (before ? memory.partitions.indexOf(before) : others.length - 1);
  if (spec.name === REST) memory.partitions = [...others, spec];
  else {
    const made = others.slice(0, -1);
    made.splice(Math.min(at, made.length), 0, spec);
    memory.partitions = [...made, ...others.slice(-1)];
  }
  save(memory);
  memory.events.push({ type: "partition.changed", detail: spec.name });
}

export function remove(memory: ClusterMemory, name: string): void {
  if (name === REST) throw new Problem("conflict", "partition default cannot be removed: it holds the rest");
  memory.partitions = memory.partitions.filter((spec) => spec.name !== name);
  memory.store.removePartition(name);
  save(memory);
  memory.events.push({ type: "partition.removed", detail: name });
}

function save(memory: ClusterMemory): void {
  for (const [position, spec] of memory.partitions.entries()) {
    memory.store.savePartition({ name: spec.name, position, spec });
  }
  memory.partitionsChanged();
}
