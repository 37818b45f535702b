/** Partitions as they fill: what is free, and what owners still lend of it. */
import type { PartitionKey } from "../../model/partition.ts";
import { isWithin } from "../../model/role.ts";
import type { RoundPartition } from "../input.ts";
import { keyOf } from "../slots.ts";
import { type Axes, addTo, at, type Vector, vectorOf } from "./axes.ts";
import type { QuotaNode } from "./quota.ts";

export interface Room {
  readonly key: PartitionKey;
  readonly partition: RoundPartition;
  readonly index: number;
  readonly owner: string | null;
  readonly usable: Vector;
  readonly free: Vector;
  /** what those who do not own it may use in all, and what is left of that; of an unowned one all */
  readonly lendable: Vector;
  readonly lendableLeft: Vector;
  /** what the owner has in it, once the tree has grown */
  quota: QuotaNode | null;
  /** the fullest resource's used part */
  load: number;
}

/** @param partitions in an order that has a meaning only where nothing else decides */
export const openRooms = (partitions: readonly RoundPartition[], axes: Axes): Room[] =>
  partitions.map((partition, index): Room => {
    const { owner } = partition;
    const usable = vectorOf(axes, partition.usable);
    const named = vectorOf(axes, owner === null ? {} : partition.lendable, Number.POSITIVE_INFINITY);
    const lendable = named.map((most, r) => Math.min(most, at(usable, r)));
    return {
      key: keyOf(partition),
      partition,
      index,
      owner,
      usable,
      free: [...usable],
      lendable,
      lendableLeft: [...lendable],
      quota: null,
      load: 0,
    };
  });

/** Whether the room is the role's own. An unowned one is nobody's, and lends all. */
export const isOwner = (role: string, room: Room): boolean => room.owner !== null && isWithin(role, room.owner);

/** @param lent those who use it do not own it */
export function take(room: Room, amounts: Vector, lent: boolean): void {
  addTo(room.free, amounts, -1);
  if (lent) addTo(room.lendableLeft, amounts, -1);
  room.load = 0;
  for (let r = 0; r < room.usable.length; r++) {
    const used = at(room.usable, r) - at(room.free, r);
    if (used > 0) room.load = Math.max(room.load, used / Math.max(1, at(room.usable, r)));
  }
}

/** What the league counts as used in the room beyond what the room gives the league: too much runs there. */
export const excessIn = (room: Room): Vector =>
  room.usable.map((usable, r) => {
    const lent = at(room.lendable, r) - at(room.lendableLeft, r);
    const own = usable - at(room.free, r) - lent;
    const kept = usable - at(room.lendable, r);
    return Math.max(0, lent + Math.max(0, own - kept) - at(room.lendable, r));
  });
