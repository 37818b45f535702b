/** Counting what is used, and no longer is: in quotas as far up as they have a say, in roles all the way. */
import { addTo, type Vector } from "./axes.ts";
import { quotaTop } from "./bounds.ts";
import { addUsage, dominantBorrowed, removeUsage } from "./quota.ts";
import { isOwner, type Room, take } from "./rooms.ts";
import { type Leaf, type RoleNode, restand } from "./tree.ts";

/** Counts what it uses in a room; null: in a partition that is no more. */
export const charge = (leaf: Leaf, room: Room | null, amounts: Vector): void => count(leaf, room, amounts, 1);

/** Counts it no longer. */
export const discharge = (leaf: Leaf, room: Room, amounts: Vector): void => count(leaf, room, amounts, -1);

/** Takes amounts of a room for it, and charges them. */
export function occupy(leaf: Leaf, room: Room, amounts: Vector): void {
  take(room, amounts, !isOwner(leaf.role.path, room));
  charge(leaf, room, amounts);
}

/** Gives them back. */
export function vacate(leaf: Leaf, room: Room, amounts: Vector): void {
  const back = amounts.map((amount) => -amount);
  take(room, back, !isOwner(leaf.role.path, room));
  discharge(leaf, room, amounts);
}

function count(leaf: Leaf, room: Room | null, amounts: Vector, sign: 1 | -1): void {
  const { role, used } = leaf;
  const top = room && quotaTop(role, room);
  const change = sign === 1 ? addUsage : removeUsage;
  for (const [r, amount] of amounts.entries()) {
    if (amount === 0) continue;
    change(role, r, amount, top);
    if (top !== null && room?.quota) change(room.quota, r, amount);
  }
  for (let above: RoleNode | null = role; above !== null; above = above.parent) {
    addTo(above.used, amounts, sign);
    restand(above);
  }
  addTo(used, amounts, sign);
  leaf.share = dominantBorrowed(used, role.lendable, 1);
}
