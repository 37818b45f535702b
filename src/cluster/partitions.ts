/**
 * Which partitions a node is of, and what each partition has: pure. Whole nodes go to the first partition whose rule
 * they satisfy; a slice is a budget over the nodes of its rule, and takes from what those nodes' partitions hold.
 */
import { type Attributes, type Constraint, parseConstraint, satisfies } from "../model/constraints.ts";
import { type PartitionSpec, REST, sliceOf } from "../model/partition.ts";
import type { Resources } from "../model/resources.ts";
import { PrefixSums } from "./prefixSums.ts";

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
  /** held there for frameworks, by partition */
  offered: ReadonlyMap<string, Resources>;
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

/** What of a node's amounts is taken. */
const IN_USE = ["used", "offered", "reserved", "stopping"] as const;

/** A node whose partitions and rest are known. */
export interface CountedNode extends AccountNode {
  /** its slices in order, then the partition that has it whole */
  homes: readonly string[];
  /** of what it has; a node that shrank below what runs on it has nothing unused, and counts as large as its use */
  unused: Resources;
  /** among all: slices take from the first ones */
  position: number;
}

/** Unused on nodes that are up, and on the others. */
const UNUSED = ["free", "down"] as const;
type Unused = (typeof UNUSED)[number];

/** Nodes of the same partitions. */
interface Group {
  homes: readonly string[];
  nodes: number;
  capacity: Record<string, number>;
  /** by resource, over the nodes in their order */
  unused: Record<Unused, Map<string, PrefixSums>>;
}

/**
 * Splits every node's amounts over its partitions, so that the accounts add up to the cluster exactly. What is in use
 * belongs to the partition it was handed out in; of what is not, slices take up to their amounts, on nodes that are up
 * first, and the whole-node partition holds the rest. A slice that uses more than its amount keeps it until it ends.
 */
export function accountsOf(specs: readonly PartitionSpec[], nodes: readonly AccountNode[]): Map<string, Account> {
  const sums = new AccountSums();
  const counted = nodes.map((node, position) => ({
    ...node,
    position,
    homes: partitionsOf(specs, node.attributes),
    unused: positive(unusedOn(node)),
  }));
  for (const node of counted) sums.count(node, 1);
  return sums.accounts(specs);
}

/** The sums that accounts are made of: a node that changed is taken out as it was and counted as it is. */
export class AccountSums {
  readonly #inUse = new Map<string, Record<(typeof IN_USE)[number], Record<string, number>>>();
  readonly #groups = new Map<string, Group>();

  count(node: CountedNode, times: 1 | -1): void {
    for (const state of IN_USE) {
      for (const [name, amounts] of node[state]) {
        const sums = this.#inUse.get(name) ?? { used: {}, offered: {}, reserved: {}, stopping: {} };
        this.#inUse.set(name, sums);
        accumulate(sums[state], amounts, times);
      }
    }
    const group = this.#groupOf(node.homes);
    group.nodes += times;
    accumulate(group.capacity, node.capacity, times);
    const unused = group.unused[node.up ? "free" : "down"];
    for (const name in node.unused) {
      const sums = unused.get(name) ?? new PrefixSums();
      unused.set(name, sums);
      sums.add(node.position, (node.unused[name] ?? 0) * times);
    }
    if (group.nodes === 0) this.#groups.delete(node.homes.join());
  }

  #groupOf(homes: readonly string[]): Group {
    const key = homes.join();
    const known = this.#groups.get(key);
    if (known) return known;
    const group = { homes, nodes: 0, capacity: {}, unused: { free: new Map(), down: new Map() } };
    this.#groups.set(key, group);
    return group;
  }

  accounts(specs: readonly PartitionSpec[]): Map<string, Account> {
    const accounts = new Map<string, Draft>(specs.map(({ name }) => [name, draft()]));
    const of = (name: string): Draft => accounts.get(name) ?? (accounts.get(REST) as Draft);
    for (const [name, sums] of this.#inUse) for (const state of IN_USE) charge(of(name), state, sums[state]);
    const slices = specs.flatMap(({ name, slice }) =>
      slice === null ? [] : [{ name, goal: sliceOf(slice, this.#wholeOf(name)) }],
    );
    for (const state of UNUSED) {
      const filling = new Filling([...this.#groups.values()], state);
      for (const { name, goal } of slices) filling.fill(name, of(name), goal);
      for (const [home, amounts] of filling.left()) charge(of(home), state, amounts);
    }
    return accounts;
  }

  /** What all nodes of a slice have. */
  #wholeOf(name: string): Resources {
    const whole: Record<string, number> = {};
    for (const { homes, capacity } of this.#groups.values()) if (homes.includes(name)) accumulate(whole, capacity, 1);
    return whole;
  }
}

/** Slices in order take their amounts out of what is unused, each from the first nodes that have any left. */
class Filling {
  readonly #state: Unused;
  /** by resource, what was taken of each group: of its first nodes */
  readonly #taken: Map<Group, Record<string, number>>;

  constructor(groups: readonly Group[], state: Unused) {
    this.#state = state;
    this.#taken = new Map(groups.map((group) => [group, {}]));
  }

  fill(name: string, account: Draft, goal: Resources): void {
    for (const resource in goal) {
      const missing = (goal[resource] ?? 0) - (account.total[resource] ?? 0);
      const parts = this.#partsOf(name, resource);
      const there = parts.reduce((sum, { sums, taken }) => sum + sums.total - taken, 0);
      const given = Math.min(missing, there);
      if (given <= 0) continue;
      charge(account, this.#state, { [resource]: given });
      const most = given === there ? null : firstWith(parts, given);
      for (const { of, sums, taken } of parts) {
        if (most === null) of[resource] = sums.total;
        // Of the last of these nodes a part is left.
        else of[resource] = Math.max(taken, sums.upTo(most.position) - (sums.at(most.position) > 0 ? most.excess : 0));
      }
    }
  }

  #partsOf(name: string, resource: string): Part[] {
    return [...this.#taken].flatMap(([{ homes, unused }, of]) => {
      const sums = homes.includes(name) ? unused[this.#state].get(resource) : undefined;
      return sums ? [{ of, sums, taken: of[resource] ?? 0 }] : [];
    });
  }

  /** By the partition that has the nodes whole. */
  *left(): Generator<[home: string, amounts: Resources]> {
    for (const [{ homes, unused }, taken] of this.#taken) {
      const amounts = [...unused[this.#state]].map(([name, sums]) => [name, sums.total - (taken[name] ?? 0)] as const);
      yield [homes.at(-1) ?? REST, Object.fromEntries(amounts)];
    }
  }
}

interface Part {
  of: Record<string, number>;
  sums: PrefixSums;
  taken: number;
}

/** The first position up to which so much is left, and how much more than that is. */
function firstWith(parts: readonly Part[], amount: number): { position: number; excess: number } {
  const leftUpTo = (position: number): number =>
    parts.reduce((sum, { sums, taken }) => sum + Math.max(0, sums.upTo(position) - taken), 0);
  let low = 0;
  let high = 1;
  while (leftUpTo(high) < amount) high *= 2;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (leftUpTo(middle) < amount) low = middle + 1;
    else high = middle;
  }
  return { position: low, excess: leftUpTo(low) - amount };
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
  for (const name in amounts) {
    const amount = amounts[name] ?? 0;
    if (amount === 0) continue;
    account[state][name] = (account[state][name] ?? 0) + amount;
    account.total[name] = (account.total[name] ?? 0) + amount;
  }
}

/** Less than nothing of what the node shrank below. */
export function unusedOn(node: AccountNode): Resources {
  const unused: Record<string, number> = { ...node.capacity };
  for (const state of IN_USE) for (const amounts of node[state].values()) accumulate(unused, amounts, -1);
  return unused;
}

export function positive(amounts: Resources): Resources {
  for (const name in amounts) {
    if ((amounts[name] ?? 0) >= 0) continue;
    return Object.fromEntries(Object.entries(amounts).map(([each, amount]) => [each, Math.max(0, amount)]));
  }
  return amounts;
}

function accumulate(sum: Record<string, number>, more: Resources, times: 1 | -1): void {
  for (const name in more) sum[name] = (sum[name] ?? 0) + (more[name] ?? 0) * times;
}
