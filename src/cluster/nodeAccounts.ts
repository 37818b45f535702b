/**
 * What all nodes add to the accounts and to what is told, and the sums: a node that changed is looked at anew when
 * somebody asks, the others are not. That a silent node becomes suspect is a change which only time brings.
 */
import { add, type Resources } from "../model/resources.ts";
import type { Shape } from "../protocol/levels.ts";
import { countsAlike, type NodeAccount, type NodeFacts, nodeAccountOf, tellsAlike } from "./nodeAccount.ts";
import { type Account, AccountSums } from "./partitions.ts";
import { shapeOf } from "./shapes.ts";
import type { NodeState } from "./state.ts";

export interface Facts extends NodeFacts {
  nodes: ReadonlyMap<string, NodeState>;
  /** when it will be suspect if it stays silent */
  suspectAt(node: NodeState): number;
  /** tells whoever goes by it, this one too, that the node is otherwise */
  touch(node: string): void;
}

export class NodeAccounts {
  readonly #facts: Facts;
  readonly #changed = new Set<string>();
  readonly #byNode = new Map<string, NodeAccount>();
  /** in the order of the nodes */
  readonly #positions = new Map<string, number>();
  #sums = new AccountSums();
  /** by partition */
  readonly #shapes = new Map<string, Map<string, { one: Shape; count: number }>>();
  /** nodes with any */
  readonly #beside = new Set<NodeAccount>();
  #counts = { up: 0, silent: 0, drained: 0, total: 0 };
  #version = 0;
  #tellable = 0;
  #nodesVersion = 0;
  #accounts: { version: number; accounts: Map<string, Account> } | null = null;
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** before this no node becomes suspect */
  #nextSuspectAt = Number.NEGATIVE_INFINITY;

  constructor(facts: Facts) {
    this.#facts = facts;
    this.changedAll();
  }

  changed(node: string): void {
    this.#changed.add(node);
  }

  /** Other partitions, or whatever else concerns every node. */
  changedAll(): void {
    for (const name of this.#facts.nodes.keys()) this.#changed.add(name);
    for (const account of this.#byNode.values()) this.#count(account, -1);
    this.#byNode.clear();
    this.#tellable += 1;
    this.#nodesVersion += 1;
    this.#version += 1;
  }

  /** Rises with whatever the Broker is told at once: what nodes there are and how many are up, not what they run. */
  tellable(now: number): number {
    this.look(now);
    return this.#tellable;
  }

  /** Rises when nodes are others, or up or not: not with what they run. As of the last look. */
  get nodesVersion(): number {
    return this.#nodesVersion;
  }

  /** Nodes; one that is drained and silent is silent. */
  counts(now: number): { up: number; silent: number; drained: number; total: number } {
    this.look(now);
    return { ...this.#counts };
  }

  /** By partition; they add up to what the nodes have, per resource. */
  accounts(now: number): ReadonlyMap<string, Account> {
    this.look(now);
    if (this.#accounts?.version === this.#version) return this.#accounts.accounts;
    const accounts = this.#sums.accounts(this.#facts.partitions);
    this.#accounts = { version: this.#version, accounts };
    return accounts;
  }

  /** By partition, its nodes that are up, those alike together. */
  shapes(now: number): Map<string, Shape[]> {
    this.look(now);
    return new Map(
      [...this.#shapes].map(([name, shapes]) => [
        name,
        [...shapes.values()].map(({ one, count }) => ({ ...one, count })),
      ]),
    );
  }

  /** By partition, what takes room and no limit of the Broker's counts. */
  beside(now: number): Map<string, Resources> {
    this.look(now);
    const sums = new Map<string, Resources>();
    for (const { beside } of this.#beside)
      for (const [name, amounts] of beside) sums.set(name, add(sums.get(name) ?? {}, amounts));
    return sums;
  }

  of(node: string, now: number): NodeAccount | undefined {
    this.look(now);
    return this.#byNode.get(node);
  }

  /** Partitions that it is of. */
  homesOf(node: string): readonly string[] {
    return this.#byNode.get(node)?.homes ?? [];
  }

  /** At all that changed until now. */
  look(now: number): void {
    if (now < this.#lookedAt || now >= this.#nextSuspectAt) this.#lookAtTimes(now);
    this.#lookedAt = now;
    for (const name of this.#changed) this.#lookAt(name, now);
    this.#changed.clear();
  }

  /** Time has passed, or the clock went back. */
  #lookAtTimes(now: number): void {
    this.#nextSuspectAt = Number.POSITIVE_INFINITY;
    for (const [name, node] of this.#facts.nodes) {
      const isSuspect = this.#facts.isSuspect(node, now);
      const before = this.#byNode.get(name);
      if (before && before.isSuspect !== isSuspect) this.#facts.touch(name);
      else if (!isSuspect) this.#awaitSuspicion(node);
    }
  }

  #positionOf(name: string): number {
    const known = this.#positions.get(name);
    if (known !== undefined) return known;
    const position = this.#positions.size;
    this.#positions.set(name, position);
    return position;
  }

  #awaitSuspicion(node: NodeState): void {
    this.#nextSuspectAt = Math.min(this.#nextSuspectAt, this.#facts.suspectAt(node));
  }

  #lookAt(name: string, now: number): void {
    const node = this.#facts.nodes.get(name);
    if (!node) return;
    const before = this.#byNode.get(name);
    const account = nodeAccountOf(this.#facts, node, this.#positionOf(name), now, before);
    if (!account.isSuspect) this.#awaitSuspicion(node);
    if (before && countsAlike(before, account)) return;
    if (before) this.#count(before, -1);
    this.#count(account, 1);
    this.#byNode.set(name, account);
    this.#version += 1;
    const isOther = before === undefined || !tellsAlike(before, account);
    if (isOther) this.#nodesVersion += 1;
    if (isOther || !before.isPlain || !account.isPlain) this.#tellable += 1;
  }

  #count(account: NodeAccount, times: 1 | -1): void {
    const { up, isSuspect, isDrained, isRemoved, beside, inventory, homes } = account;
    this.#sums.count(account, times);
    if (!isRemoved) {
      this.#counts.total += times;
      if (up) this.#counts.up += times;
      else if (isSuspect) this.#counts.silent += times;
      else if (isDrained) this.#counts.drained += times;
    }
    if (beside.size > 0 && times === 1) this.#beside.add(account);
    else this.#beside.delete(account);
    if (!up || inventory === null) return;
    const { key, one } = shapeOf(inventory);
    for (const name of homes) {
      const shapes = this.#shapes.get(name) ?? new Map();
      this.#shapes.set(name, shapes);
      const shape = shapes.get(key) ?? { one, count: 0 };
      shape.count += times;
      if (shape.count === 0) shapes.delete(key);
      else shapes.set(key, shape);
    }
  }
}
