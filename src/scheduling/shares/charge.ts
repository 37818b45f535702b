/** Counting what is used: in quotas as far up as they have a say, in roles all the way. */
import { addTo, type Vector } from "./axes.ts";
import { quotaTop } from "./bounds.ts";
import { addUsage, dominantBorrowed } from "./quota.ts";
import type { Room } from "./rooms.ts";
import { type Leaf, type RoleNode, restand } from "./tree.ts";

/** Counts what it uses in a room; null: in a partition that is no more. */
export function charge(leaf: Leaf, room: Room | null, amounts: Vector): void {
  const { role, used } = leaf;
  const top = room && quotaTop(role, room);
  for (const [r, amount] of amounts.entries()) {
    if (amount === 0) continue;
    addUsage(role, r, amount, top);
    if (top !== null && room?.quota) addUsage(room.quota, r, amount);
  }
  for (let above: RoleNode | null = role; above !== null; above = above.parent) {
    addTo(above.used, amounts);
    restand(above);
  }
  addTo(used, amounts);
  leaf.share = dominantBorrowed(used, role.lendable, 1);
}
