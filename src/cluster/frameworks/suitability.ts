/**
 * Which nodes can't be offered to whom, whatever is free there: roles of frameworks that ask the same of nodes share the
 * answer, and a node that is otherwise is asked about alone.
 */
import type { Inventory } from "../../protocol/agent.ts";
import type { FrameworkLevel } from "../../protocol/frameworks.ts";
import { isSuitable } from "./constraints.ts";
import { NodeSet } from "./nodeSet.ts";
import type { RoleHere } from "./state.ts";

/** What of a node counts here. */
export interface SuitedNode {
  readonly name: string;
  readonly inventory: Inventory | null;
  readonly removed: boolean;
}

interface Around<N extends SuitedNode> {
  readonly nodes: ReadonlyMap<string, N>;
  attributesOf(node: N): Readonly<Record<string, string>>;
  numberOf(node: string): number;
}

/** Roles that ask the same. */
interface Kind {
  readonly key: string;
  readonly level: FrameworkLevel;
  readonly wish: RoleHere["wish"];
  readonly unsuitable: NodeSet;
  readonly roles: Set<RoleHere>;
}

export class Suitability<N extends SuitedNode> {
  readonly #around: Around<N>;
  readonly #kinds = new Map<string, Kind>();
  /** with the level that it was looked up for */
  readonly #kindOf = new Map<RoleHere, { level: FrameworkLevel; kind: Kind }>();

  constructor(around: Around<N>) {
    this.#around = around;
  }

  /** For how many different roles it is known. */
  get kinds(): number {
    return this.#kinds.size;
  }

  /** Numbers of the nodes that the role can't be offered. */
  unsuitableFor(level: FrameworkLevel, role: RoleHere): NodeSet {
    const known = this.#kindOf.get(role);
    if (known?.level === level) return known.kind.unsuitable;
    const key = JSON.stringify([role.wish.role, level.capabilities.includes("GPU_RESOURCES"), role.wish.constraints]);
    const kind = this.#kinds.get(key) ?? this.#look({ key, level, wish: role.wish });
    if (known?.kind !== kind) this.forget(role);
    kind.roles.add(role);
    this.#kindOf.set(role, { level, kind });
    return kind.unsuitable;
  }

  #look(asked: Pick<Kind, "key" | "level" | "wish">): Kind {
    const kind = { ...asked, unsuitable: new NodeSet(), roles: new Set<RoleHere>() };
    this.#kinds.set(kind.key, kind);
    for (const node of this.#around.nodes.values()) this.#note(kind, node);
    return kind;
  }

  #note({ unsuitable, level, wish }: Kind, node: N): void {
    const { inventory, name, removed } = node;
    const number = this.#around.numberOf(name);
    const attributes = wish.constraints === null ? {} : this.#around.attributesOf(node);
    if (removed || inventory === null || isSuitable(inventory, attributes, level, wish)) unsuitable.delete(number);
    else unsuitable.add(number);
  }

  nodeChanged(node: N): void {
    for (const kind of this.#kinds.values()) this.#note(kind, node);
  }

  /** The role is no more. */
  forget(role: RoleHere): void {
    const kind = this.#kindOf.get(role)?.kind;
    this.#kindOf.delete(role);
    if (kind?.roles.delete(role) && kind.roles.size === 0) this.#kinds.delete(kind.key);
  }
}
