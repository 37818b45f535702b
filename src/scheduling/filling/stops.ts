/** Why a job got no more than it got, read off the filled league: what would have to change first. */
import type { Stop } from "../input.ts";
import { at, timesIn } from "../shares/axes.ts";
import { quotaTop, withinQuota } from "../shares/bounds.ts";
import { available, borrowable, localAvailable } from "../shares/quota.ts";
import { isOwner, type Room } from "../shares/rooms.ts";
import type { Leaf, RoleNode, Tree } from "../shares/tree.ts";
import { type Counts, type Filling, slotsLeft, type Want } from "./wants.ts";
import { spaceIn } from "./where.ts";

/** @param holders by a room's index, how many jobs have been given tasks in it */
export function stopOf({ tree, rooms }: Filling, want: Want, holders: Counts): Stop {
  if (want.most === 0) return { kind: "satisfied" };
  const { leaf, places, barred, taken } = want;
  const usable = rooms.filter(({ index }) => (places.slots[index] ?? 0) > 0 && !barred.has(index));
  if (usable.length === 0) return { kind: "no-slot" };
  const open = usable.filter((room) => slotsLeft(want, room) > 0);
  const others = usable.some(({ index }) => (holders.get(index) ?? 0) > (taken.has(index) ? 1 : 0));
  return (
    limitOf(tree, leaf) ??
    quotaOf(tree, leaf, open) ??
    lendingOf(tree, leaf, open) ?? { kind: others ? "share" : "space" }
  );
}

const nameOf = (tree: Tree, r: number): string => tree.axes.names[r] ?? "";

function limitOf(tree: Tree, { role, demand }: Leaf): Stop | null {
  for (let above: RoleNode | null = role; above !== null; above = above.parent) {
    for (const [r, wanted] of demand.entries()) {
      if (wanted > 0 && at(above.used, r) + wanted > at(above.limit, r))
        return { kind: "over-limit", role: above.path, resource: nameOf(tree, r), bound: "limit" };
    }
  }
  return null;
}

/**
 * Quotas are why if there is space that they keep it from: it borrows too much, or others keep what they do not use.
 * Borrowing too much is why whatever space there is.
 */
function quotaOf(tree: Tree, leaf: Leaf, open: readonly Room[]): Stop | null {
  const tops = open.map((room) => quotaTop(leaf.role, room));
  const kept = open.findIndex((room, i) => spaceIn(room, leaf) > 0 && withinQuota(leaf, tops[i] ?? null) === 0);
  if (kept >= 0) return borrowOf(tree, leaf, tops[kept] ?? null) ?? keptBack(tree, leaf, tops[kept] ?? null);
  const borrows = tops.map((top) => borrowOf(tree, leaf, top));
  return borrows.every((stop) => stop !== null) ? (borrows[0] ?? null) : null;
}

/** The nearest role whose borrow limit leaves no room for a task. */
function borrowOf(tree: Tree, { role, demand }: Leaf, top: RoleNode | null): Stop | null {
  for (const [r, wanted] of demand.entries()) {
    let passing = 0;
    for (let above: RoleNode | null = role; above?.parent && above !== top; above = above.parent) {
      passing += localAvailable(above, r);
      if (wanted > 0 && passing + borrowable(above, r) < wanted)
        return { kind: "over-limit", role: above.path, resource: nameOf(tree, r), bound: "borrow" };
    }
  }
  return null;
}

/** The role that keeps most of what it does not use. */
function keptBack(tree: Tree, { role, demand }: Leaf, top: RoleNode | null): Stop {
  const short = demand.findIndex((wanted, r) => wanted > 0 && available(role, r, top) < wanted);
  const keptBy = (node: RoleNode) => localAvailable(node, short);
  const [keeper = role] = [...tree.roles.values()].sort((a, b) => keptBy(b) - keptBy(a));
  return { kind: "over-limit", role: keeper.path, resource: nameOf(tree, short), bound: "lend" };
}

/** A room that has space, but whose owner lends no more of it. */
function lendingOf(tree: Tree, { role, demand }: Leaf, open: readonly Room[]): Stop | null {
  for (const room of open) {
    if (isOwner(role.path, room) || timesIn(demand, room.free) === 0) continue;
    const short = demand.findIndex((wanted, r) => wanted > at(room.lendableLeft, r));
    if (short >= 0) return { kind: "lend-limit", partition: room.key, resource: nameOf(tree, short) };
  }
  return null;
}
