/**
 * What may be taken from roles before a promise to them is broken: a partition they own is theirs as far as they use
 * it, and of what they use elsewhere they keep what is guaranteed to them, first with what has the highest priority.
 */
import { isWithin } from "../../model/role.ts";
import { addTo, at, type Vector } from "../shares/axes.ts";
import type { Room } from "../shares/rooms.ts";
import type { Leaf, RoleNode } from "../shares/tree.ts";
import { type Filling, NOWHERE, type Want } from "./wants.ts";

/** What a role and all that are under it use in what they do not own. */
interface Kept {
  readonly promised: Vector;
  /** by priority, what has at least that */
  readonly used: Map<number, Vector>;
}

export class Promises {
  readonly #kept = new Map<RoleNode, Kept>();
  /** of these something was promised to be let go, and what is left is their due */
  readonly #gave = new Set<RoleNode>();

  constructor({ tree, rooms, wants }: Filling) {
    for (const role of tree.roles.values()) this.#promise(role);
    for (const want of wants) {
      for (const [index, tasks] of want.kept) {
        const room = index === NOWHERE ? null : (rooms[index] ?? null);
        this.#use(want.leaf, room, tasks);
      }
    }
  }

  #promise(role: RoleNode): void {
    if (role.nominal.every((amount) => amount === 0)) return;
    for (const above of upwards(role)) {
      const kept = this.#kept.get(above) ?? { promised: role.nominal.map(() => 0), used: new Map() };
      addTo(kept.promised, role.nominal);
      this.#kept.set(above, kept);
    }
  }

  #use({ role, demand, priority }: Leaf, room: Room | null, tasks: number): void {
    for (const above of upwards(role)) {
      const kept = this.#kept.get(above);
      if (!kept || owns(above, room)) continue;
      if (!kept.used.has(priority)) kept.used.set(priority, usedFrom(kept, priority));
      for (const [least, used] of kept.used) if (least <= priority) addTo(used, demand, tasks);
    }
  }

  /** Attempts of the job in the room, at most `tasks`, that may be stopped for any of those roles. */
  spare({ leaf }: Want, room: Room, tasks: number, roots: ReadonlySet<RoleNode>): number {
    let most = tasks;
    for (const role of upwards(leaf.role)) {
      const isAsked = [...roots].some((root) => !isWithin(root.path, role.path));
      if (isAsked && owns(role, room)) return 0;
      const kept = this.#kept.get(role);
      if (kept && !owns(role, room) && (isAsked || this.#gave.has(role))) most = Math.min(most, beyond(kept, leaf));
    }
    return most;
  }

  /** So many of them may be gone. */
  letGo({ leaf }: Want, room: Room, tasks: number): void {
    this.#use(leaf, room, -tasks);
  }

  /** Nobody came for them. */
  keep({ leaf }: Want, room: Room, tasks: number): void {
    this.#use(leaf, room, tasks);
  }

  /** Some of what was let go is taken: what is left is its due. */
  gave({ leaf }: Want): void {
    for (const role of upwards(leaf.role)) if (this.#kept.has(role)) this.#gave.add(role);
  }

  /** Others may take of what it, or a role that it is under, has beyond its promise. */
  isAsked = (role: RoleNode): boolean => [...upwards(role)].some((above) => this.#gave.has(above));
}

/** The role and those it is under, without the league. */
function* upwards(role: RoleNode): Generator<RoleNode> {
  for (let above: RoleNode = role; above.parent !== null; above = above.parent) yield above;
}

/** What it uses there is its own. */
const owns = (role: RoleNode, room: Room | null): boolean =>
  room !== null && room.owner !== null && isWithin(room.owner, role.path);

/** What of a lower priority counts is not yet there. */
function usedFrom({ promised, used }: Kept, priority: number): Vector {
  const [next] = [...used.keys()].filter((other) => other > priority).sort((a, b) => a - b);
  return next === undefined ? promised.map(() => 0) : [...(used.get(next) as Vector)];
}

/** Tasks that leave what was promised, at its priority and at each lower one. */
function beyond({ promised, used }: Kept, { demand, priority }: Leaf): number {
  let tasks = Number.POSITIVE_INFINITY;
  for (const [least, amounts] of used) {
    if (least > priority) continue;
    for (const [r, wanted] of demand.entries()) {
      if (wanted === 0 || at(promised, r) === 0) continue;
      tasks = Math.min(tasks, Math.floor((at(amounts, r) - at(promised, r)) / wanted));
    }
  }
  return Math.max(0, tasks);
}
