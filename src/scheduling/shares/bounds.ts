/** How many times its demand a leaf may still be given: by limits, by quotas, and by what it claims as its own. */
import { isWithin } from "../../model/role.ts";
import { at, timesIn } from "./axes.ts";
import { available, nominalRoom } from "./quota.ts";
import type { Room } from "./rooms.ts";
import type { Leaf, RoleNode } from "./tree.ts";

/** What a gift must not go beyond: partitions owned in the role's subtree, or those and its guarantee. */
export interface Bound {
  readonly role: RoleNode;
  readonly by: "own" | "guarantee";
}

/** Times its demand that the limits of its role, and of all that it is under, leave room for. */
export function withinLimits({ role, demand }: Leaf): number {
  let times = Number.POSITIVE_INFINITY;
  for (let above: RoleNode | null = role; above !== null; above = above.parent) {
    for (let r = 0; r < demand.length; r++) {
      const wanted = at(demand, r);
      if (wanted > 0) times = Math.min(times, Math.floor((at(above.limit, r) - at(above.used, r)) / wanted));
    }
  }
  return Math.max(0, times);
}

/** Times its demand that quotas leave room for; `top` from `quotaTop`. */
export const withinQuota = ({ role, demand }: Leaf, top: RoleNode | null): number =>
  timesIn(
    demand,
    demand.map((wanted, r) => (wanted > 0 ? available(role, r, top) : 0)),
  );

/**
 * The nearest role over `role`, or itself, whose subtree owns the room: quotas from there up have no say in what it
 * uses there. Null: all have, it is nobody's or a stranger's.
 */
export function quotaTop(role: RoleNode, room: Room): RoleNode | null {
  if (room.owner === null) return null;
  for (let above: RoleNode | null = role; above !== null && above.parent !== null; above = above.parent)
    if (isWithin(room.owner, above.path)) return above;
  return null;
}

/**
 * Tasks of the job in a room with that `quotaTop` that the bound lets through. A guarantee is for the resources that
 * it names, for what needs any of them.
 */
export function withinBound({ role, by }: Bound, leaf: Leaf, top: RoleNode | null): number {
  if (top !== null && isWithin(top.path, role.path)) return Number.POSITIVE_INFINITY;
  if (by === "own") return 0;
  let times = Number.POSITIVE_INFINITY;
  let isNamed = false;
  for (const [r, wanted] of leaf.demand.entries()) {
    if (wanted === 0 || !role.guarantees[r]) continue;
    isNamed = true;
    times = Math.min(times, Math.floor(nominalRoom(role, leaf.role, r) / wanted));
  }
  return isNamed ? Math.max(0, times) : 0;
}
