/**
 * Which partitions a node is of, and what each partition has: pure. Whole nodes go to the first partition whose rule
 * they satisfy; a slice is a budget over the nodes of its rule, and takes from what those nodes' partitions hold.
 */
import { type Attributes, type Constraint, parseConstraint, satisfies } from "../model/constraints.ts";
import { type PartitionSpec, REST, sliceOf } from "../model/partition.ts";
import type { Resources } from "../model/resources.ts";

/** What a partition's total consists of; every vector has the same sum per resource as `total`. */
export interface Account {
  total: Resources;
  free: Resources;
  used: Resources;
  /** held by offers to frameworks */
  offered: Resources;
  /** kept for gangs that are not complete, and for those that room was made for */
  reserved: Resources;
  /** used by attempts that were told to stop, or that are nobody's here */
  stopping: Resources;
  /** unused, on nodes that take nothing now */
  down: Resources;
}

/** A node as the accounts see it. */
export interface AccountNode {
  attributes: Attributes;
  capacity: Resources;
  /** places what is new */
  up: boolean;
  /** in use there by partition */
  used: ReadonlyMap<string, Resources>;
  /** kept there for what cannot start yet, by partition */
  reserved: ReadonlyMap<string, Resources>;
  stopping: ReadonlyMap<string, Resources>;
}

/** Names of the partitions a node is of: its slices in order, then the one that has it whole. */
export function partitionsOf(specs: readonly PartitionSpec[], attributes: Attributes): string[] {
  const slices: string[] = [];
  for (const spec of specs) {
    if (!rulesOf(spec).every((rule) => rule !== null && satisfies(attributes, rule))) continue;
    if (spec.slice === null) return [...slices, spec.name];
    slices.push(spec.name);
  }
  return [...slices, REST];
}

/** A rule that cannot be read accepts nothing; it was checked when it was stored. */
function rulesOf(spec: PartitionSpec): readonly (Constraint | null)[] {
  const known = parsed.get(spec) ?? spec.nodes.map(parseConstraint);
  parsed.set(spec, known);
  return known;
}
/** Asked of every node in every turn; a spec never changes. */
const parsed = new WeakMap<PartitionSpec, readonly (Constraint | null)[]>();

type Draft = Record<keyof Account, Record<string, number>>;

/**
 * Splits every node's amounts over its partitions, so that the accounts add up to the cluster exactly. What is in use
 * belongs to the partition it was handed out in; of what is not, slices take up to their amounts, on nodes that are up
 * first, and the whole-node partition holds the rest. A slice that uses more than its amount keeps it until it ends.
 */
export function accountsOf(specs: readonly PartitionSpec[], nodes: readonly AccountNode[]): Map<string, Account> {
  const accounts = new Map<string, Draft>(specs.map(({ name }) => [name, draft()]));
  const of = (name: string): Draft => accounts.get(name) ?? (accounts.get(REST) as Draft);
  const homes = nodes.map(({ attributes }) => partitionsOf(specs, attributes));
  for (const node of nodes) {
    for (const [name, used] of node.used) charge(of(name), "used", used);
    for (const [name, reserved] of node.reserved) charge(of(name), "reserved", reserved);
    for (const [name, stopping] of node.stopping) charge(of(name), "stopping", stopping);
  }
  const wanted = new Map(
    specs.flatMap(({ name, slice }) => {
      if (slice === null) return [];
      const whole = sum(nodes.filter((_, i) => homes[i]?.includes(name)).map(({ capacity }) => capacity));
      return [[name, sliceOf(slice, whole)] as const];
    }),
  );
  for (const up of [true, false]) {
    nodes.forEach((node, i) => {
      if (node.up !== up) return;
      const unused = unusedOn(node);
      const state = up ? "free" : "down";
      for (const name of homes[i] ?? []) {
        const account = of(name);
        const goal = wanted.get(name);
        for (const [resource, amount] of Object.entries(unused)) {
          const missing = goal === undefined ? amount : (goal[resource] ?? 0) - (account.total[resource] ?? 0);
          const taken = Math.max(0, Math.min(amount, missing));
          if (taken === 0) continue;
          charge(account, state, { [resource]: taken });
          unused[resource] = amount - taken;
        }
      }
    });
  }
  return accounts;
}

/** The same with what is kept of what is free counted as reserved: its total stays. */
export function keptIn(account: Account, kept: Resources): Account {
  const free = { ...account.free };
  const reserved = { ...account.reserved };
  for (const [name, amount] of Object.entries(kept)) {
    const moved = Math.min(amount, free[name] ?? 0);
    if (moved <= 0) continue;
    free[name] = (free[name] ?? 0) - moved;
    reserved[name] = (reserved[name] ?? 0) + moved;
  }
  return { ...account, free, reserved };
}

const draft = (): Draft => ({ total: {}, free: {}, used: {}, offered: {}, reserved: {}, stopping: {}, down: {} });

function charge(account: Draft, state: keyof Account, amounts: Resources): void {
  for (const [name, amount] of Object.entries(amounts)) {
    account[state][name] = (account[state][name] ?? 0) + amount;
    account.total[name] = (account.total[name] ?? 0) + amount;
  }
}

/** A node that shrank below what runs on it has nothing unused, and counts as large as its use. */
function unusedOn(node: AccountNode): Record<string, number> {
  const unused: Record<string, number> = { ...node.capacity };
  for (const amounts of [...node.used.values(), ...node.reserved.values(), ...node.stopping.values()])
    for (const [name, amount] of Object.entries(amounts)) unused[name] = Math.max(0, (unused[name] ?? 0) - amount);
  return unused;
}

function sum(all: readonly Resources[]): Resources {
  const total: Record<string, number> = {};
  for (const one of all) for (const [name, amount] of Object.entries(one)) total[name] = (total[name] ?? 0) + amount;
  return total;
}
