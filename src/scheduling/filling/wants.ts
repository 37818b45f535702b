/** What jobs want of the league while it fills: how many tasks more, where they could go, where they would rather. */

import type { RoundFramework, RoundJob } from "../input.ts";
import { addTo, type Vector, vectorOf } from "../shares/axes.ts";
import { charge, occupy } from "../shares/charge.ts";
import { isOwner, openRooms, type Room } from "../shares/rooms.ts";
import { growTree, type Leaf, type RoleNode, type Tree } from "../shares/tree.ts";
import type { Facts, Slots } from "./facts.ts";

/** Tasks by a room's index, or `NOWHERE`. */
export type Counts = ReadonlyMap<number, number>;

/** Where a partition was that is no more. */
export const NOWHERE = -1;

export function total(counts: Counts): number {
  let tasks = 0;
  for (const n of counts.values()) tasks += n;
  return tasks;
}

/** Rooms for a class of jobs. */
export interface Places {
  /** those that may still have space for a task: what is full stays full */
  open: Room[];
  readonly slots: Slots;
  /** by a room's index, what it is worth to them by their preferences */
  readonly worths: readonly number[];
}

export interface Want {
  readonly job: RoundJob;
  readonly leaf: Leaf;
  readonly places: Places;
  /** where it does not fit although it seems so */
  readonly barred: ReadonlySet<number>;
  /** tasks that it still wants */
  most: number;
  /** what it has */
  readonly taken: Map<number, number>;
  /** at most so many in a room in all; null: as many as there are slots */
  readonly ceiling: Counts | null;
  /** where it would rather have its tasks: what the plan says, and where they run */
  readonly planned: Counts;
  readonly kept: Counts;
  /** where it may have room made for it */
  readonly claimed: Counts;
  /** where room was made for it: tasks in all, with what runs */
  readonly roomFor: Counts;
}

/** An empty league that fills. */
export interface Filling {
  readonly facts: Facts;
  readonly tree: Tree;
  readonly rooms: readonly Room[];
  /** in order of age */
  readonly wants: readonly Want[];
}

/** Everybody wants all that they have tasks for. */
export function openFilling(facts: Facts): Filling {
  const rooms = openRooms(facts.partitions, facts.axes);
  const tree = growTree(facts.input, facts.axes, rooms);
  const places = new Map<Slots, Places>();
  const wants = [...tree.leaves].map(([job, leaf]) => {
    const slots = facts.slots.get(job) ?? [];
    const open = () => rooms.filter((room) => (slots[room.index] ?? 0) > 0);
    const known = places.get(slots) ?? { open: open(), slots, worths: facts.worths.get(job) ?? [] };
    places.set(slots, known);
    return wantOf(facts, job, leaf, known, rooms);
  });
  const filling = { facts, tree, rooms, wants };
  chargeFrameworks(filling);
  return filling;
}

/** What frameworks use, and are kept: nothing of it is for anyone else. */
function chargeFrameworks(filling: Filling): void {
  const { facts, tree, rooms } = filling;
  const known = new Set(rooms.map(({ key }) => key));
  for (const [framework, leaf] of tree.frameworks) {
    // In partitions that are no more.
    for (const [key, used] of framework.used) if (!known.has(key)) charge(leaf, null, vectorOf(facts.axes, used));
    for (const [key, amounts] of mayUseOf(framework))
      if (!known.has(key)) countInLimits(leaf, vectorOf(facts.axes, amounts), 1);
    for (const room of rooms) {
      const used = framework.used.get(room.key);
      if (used) occupy(leaf, room, vectorOf(facts.axes, used));
      const promised = facts.promised?.get(framework)?.get(room.index);
      if (promised) occupy(leaf, room, promised);
    }
  }
  countGoingBack(filling, 1);
}

/**
 * What frameworks may have by offers beyond what they are kept is free, but counts in limits and in what is lent until it
 * is known to be given back: it may be in use by then. @param sign -1: it counts no more
 */
export function countGoingBack({ facts, tree, rooms }: Filling, sign: 1 | -1): void {
  if (facts.promised === undefined) return;
  for (const [framework, leaf] of tree.frameworks) {
    for (const room of rooms) {
      const most = mayUseOf(framework).get(room.key);
      if (!most) continue;
      const promised = facts.promised.get(framework)?.get(room.index);
      const beyond = vectorOf(facts.axes, most).map((amount, r) => Math.max(0, amount - (promised?.[r] ?? 0)));
      countInLimits(leaf, beyond, sign);
      if (room.owner !== null && !isOwner(leaf.role.path, room)) addTo(room.lendableLeft, beyond, -sign);
    }
  }
}

const mayUseOf = ({ mayUse, offered }: RoundFramework): RoundFramework["offered"] => mayUse ?? offered;

function countInLimits({ role }: Leaf, amounts: Vector, sign: 1 | -1): void {
  for (let above: RoleNode | null = role; above !== null; above = above.parent) addTo(above.used, amounts, sign);
}

function wantOf({ input }: Facts, job: RoundJob, leaf: Leaf, places: Places, rooms: readonly Room[]): Want {
  const { id, held, remaining } = job;
  const barred = new Set<number>();
  const kept = new Map<number, number>();
  const planned = new Map<number, number>();
  const claimed = new Map<number, number>();
  const roomFor = new Map<number, number>();
  const plan = input.plan?.get(id);
  if (held.size > 0 || plan !== undefined) {
    for (const { key, index } of rooms) {
      const { barred: isBarred = false, charged = 0, claimed: claims = 0, roomFor: made = 0 } = held.get(key) ?? {};
      if (isBarred) barred.add(index);
      if (charged > 0) kept.set(index, charged);
      if (claims > 0) claimed.set(index, claims);
      if (made > 0) roomFor.set(index, made);
      const tasks = plan?.get(key) ?? 0;
      if (tasks > 0) planned.set(index, tasks);
    }
    let elsewhere = -total(kept);
    for (const { charged } of held.values()) elsewhere += charged;
    if (elsewhere > 0) kept.set(NOWHERE, elsewhere);
  }
  return {
    job,
    leaf,
    places,
    barred,
    most: remaining,
    taken: new Map(),
    ceiling: null,
    planned,
    kept,
    claimed,
    roomFor,
  };
}

export function slotsLeft({ places, barred, taken, ceiling }: Want, room: Room): number {
  if (barred.has(room.index)) return 0;
  const slots = places.slots[room.index] ?? 0;
  const most = ceiling === null ? slots : Math.min(slots, ceiling.get(room.index) ?? 0);
  return most - (taken.get(room.index) ?? 0);
}
