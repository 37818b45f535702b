/**
 * What may be granted now. Nothing that runs is taken away, and limits are raised only into what is free now: a job
 * above what it is entitled to shrinks as its tasks end, the others grow into that, whoever is next in line first.
 */
import type { Facts } from "./facts.ts";
import { fill, give } from "./fill.ts";
import { addTo, at } from "./shares/axes.ts";
import { quotaTop } from "./shares/bounds.ts";
import { charge } from "./shares/charge.ts";
import { available } from "./shares/quota.ts";
import { excessIn, isOwner, type Room } from "./shares/rooms.ts";
import type { RoleNode } from "./shares/tree.ts";
import { type Counts, type Filling, openFilling, type Want } from "./wants.ts";

/** @param entitled of each job. @returns limits of each job, in the same order */
export function admit(facts: Facts, entitled: readonly Counts[]): Counts[] {
  const filling = openFilling(facts);
  chargeHeld(filling);
  const due = filling.wants.map((want, i): Want => {
    const ceiling = entitled[i] ?? new Map<number, number>();
    const most = Math.min(total(ceiling), want.job.remaining) - total(want.taken);
    return { ...want, ceiling, most: Math.max(0, most) };
  });
  fill(filling, due);
  // Who waits for a place that others still use may have any other that would stay idle.
  const anywhere = due.map((want): Want => ({ ...want, ceiling: null }));
  fill(filling, anywhere);
  const awaited = awaitedRooms(due, anywhere);
  return due.map((want) => limitsOf(filling, want, awaited));
}

/**
 * What may still run is charged, whatever the limit. Where that is more than there is, as when nodes went down, or is
 * in no partition any more, it counts for its role, but takes nothing from what there is elsewhere.
 */
function chargeHeld({ tree, rooms, wants }: Filling): void {
  for (const want of wants) {
    let elsewhere = 0;
    for (const { charged } of want.job.held.values()) elsewhere += charged;
    if (elsewhere === 0) continue;
    for (const room of rooms) {
      const charged = want.kept.get(room.index) ?? 0;
      if (charged > 0) give(want, room, charged);
      elsewhere -= charged;
    }
    const amounts = want.leaf.demand.map((wanted) => wanted * elsewhere);
    charge(want.leaf, null, amounts);
    addTo(tree.league.subtree, amounts);
  }
  for (const room of rooms) addTo(tree.league.subtree, excessIn(room));
}

/** Rooms that someone is entitled to, and has nothing instead of. */
function awaitedRooms(due: readonly Want[], anywhere: readonly Want[]): Set<number> {
  const awaited = new Set<number>();
  for (const [i, { ceiling, taken }] of due.entries()) {
    if (anywhere[i]?.most === 0) continue;
    for (const [index, most] of ceiling ?? []) if (most > (taken.get(index) ?? 0)) awaited.add(index);
  }
  return awaited;
}

function limitsOf(filling: Filling, want: Want, awaited: ReadonlySet<number>): Counts {
  const limits = new Map<number, number>();
  const entitled = want.ceiling ?? new Map<number, number>();
  const isAbove = total(want.kept) > total(entitled);
  for (const room of filling.rooms) {
    const { index } = room;
    const running = want.kept.get(index) ?? 0;
    const granted = want.taken.get(index) ?? 0;
    const fair = entitled.get(index) ?? 0;
    const mayStay = !isAbove && !awaited.has(index) && isInBounds(want, room);
    const limit = granted > running || mayStay ? granted : Math.min(fair, granted);
    if (limit > 0) limits.set(index, limit);
  }
  return limits;
}

/** Whether what runs in the room may be followed by more of the same: it has slots, and nobody has too much. */
function isInBounds({ leaf, barred, places, kept }: Want, room: Room): boolean {
  const { role, demand } = leaf;
  if (barred.has(room.index) || (kept.get(room.index) ?? 0) > (places.slots[room.index] ?? 0)) return false;
  const top = quotaTop(role, room);
  for (const [r, wanted] of demand.entries()) {
    if (wanted === 0) continue;
    if (at(room.free, r) < 0 || available(role, r, top) < 0) return false;
    if (!isOwner(role.path, room) && at(room.lendableLeft, r) < 0) return false;
    for (let above: RoleNode | null = role; above !== null; above = above.parent)
      if (at(above.used, r) > at(above.limit, r)) return false;
  }
  return true;
}

function total(counts: Counts): number {
  let tasks = 0;
  for (const n of counts.values()) tasks += n;
  return tasks;
}
