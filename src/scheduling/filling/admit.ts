/**
 * What may be granted now. Nothing that runs is taken away, and limits are raised only into what is free now: what runs
 * where another is entitled to be shrinks as its tasks end, and that one grows into it, whoever is next in line first.
 * Meanwhile nothing stays idle but what is kept for a task that needs more than is free yet.
 */

import { addTo, at } from "../shares/axes.ts";
import { quotaTop, withinLimits } from "../shares/bounds.ts";
import { charge } from "../shares/charge.ts";
import { available } from "../shares/quota.ts";
import { excessIn, isOwner, type Room } from "../shares/rooms.ts";
import type { RoleNode } from "../shares/tree.ts";
import type { Facts } from "./facts.ts";
import { fill, give } from "./fill.ts";
import { type Counts, type Filling, NOWHERE, openFilling, total, type Want } from "./wants.ts";
import { spaceIn } from "./where.ts";

/** @param entitled of each job. @returns limits of each job, in the same order */
export function admit(facts: Facts, entitled: readonly Counts[]): Counts[] {
  const filling = openFilling(facts);
  chargeHeld(filling);
  const claims = filling.wants.map((want, i): Claim => {
    const fair = entitled[i] ?? new Map<number, number>();
    return { want, fair, tasks: Math.min(total(fair), want.job.remaining) };
  });
  const raise = (upTo: (claim: Claim) => number, ceilingOf: (claim: Claim) => Counts | null): void =>
    fill(
      filling,
      claims.map((claim) => {
        const most = Math.max(0, upTo(claim) - total(claim.want.taken));
        return { ...claim.want, most, ceiling: ceilingOf(claim) };
      }),
    );
  raise(
    ({ tasks }) => tasks,
    ({ fair }) => fair,
  );
  // Who is entitled to a place that others still use may have another one meanwhile.
  keepFor(filling, claims);
  raise(
    ({ tasks }) => tasks,
    () => null,
  );
  // What those entitled to it have no tasks for now, as all of them run elsewhere, is anyone's.
  const awaited = keepFor(filling, claims);
  // What a limit leaves is kept for who is short of it, too: else it would be given and taken back in turns.
  const tight = tightRoles(claims.filter(isShort));
  raise(
    (claim) => (isUnderAny(claim.want, tight) ? claim.tasks : claim.want.job.remaining),
    () => null,
  );
  return claims.map((claim) => limitsOf(filling, claim, awaited, isUnderAny(claim.want, tight)));
}

/** What a job is entitled to, of which it has no tasks for more than `tasks`. */
interface Claim {
  readonly want: Want;
  readonly fair: Counts;
  readonly tasks: number;
}

const isShort = ({ want, tasks }: Claim): boolean => total(want.taken) < tasks;
/** Room would help: no limit keeps it from another task. */
const isShortOfRoom = (claim: Claim): boolean => isShort(claim) && withinLimits(claim.want.leaf) > 0;

/** Roles whose limit leaves too little for a task of those that are short. */
function tightRoles(claims: readonly Claim[]): ReadonlySet<RoleNode> {
  const tight = new Set<RoleNode>();
  for (const { leaf } of claims.map(({ want }) => want)) {
    for (let above: RoleNode | null = leaf.role; above !== null; above = above.parent) {
      const { limit, used } = above;
      if (leaf.demand.some((wanted, r) => wanted > 0 && at(used, r) + wanted > at(limit, r))) tight.add(above);
    }
  }
  return tight;
}

function isUnderAny({ leaf }: Want, roles: ReadonlySet<RoleNode>): boolean {
  if (roles.size === 0) return false;
  for (let above: RoleNode | null = leaf.role; above !== null; above = above.parent) if (roles.has(above)) return true;
  return false;
}

/**
 * What may still run is charged, whatever the limit. Where that is more than there is, as when nodes went down, or is
 * in no partition any more, it counts for its role, but takes nothing from what there is elsewhere.
 */
export function chargeHeld({ tree, rooms, wants }: Filling): void {
  for (const want of wants) {
    for (const [index, tasks] of want.kept) {
      const room = rooms[index];
      if (room) {
        give(want, room, tasks);
        continue;
      }
      const amounts = want.leaf.demand.map((wanted) => wanted * tasks);
      charge(want.leaf, null, amounts);
      addTo(tree.league.subtree, amounts);
      want.taken.set(NOWHERE, tasks);
    }
  }
  for (const room of rooms) addTo(tree.league.subtree, excessIn(room));
}

/** Closes the rooms that someone is short of, and that have no space for its next task yet. @returns all of them */
function keepFor({ rooms, wants }: Filling, claims: readonly Claim[]): ReadonlySet<Room> {
  const awaited = new Set<Room>();
  for (const { want, fair } of claims.filter(isShortOfRoom)) {
    for (const room of rooms) {
      const lacks = (fair.get(room.index) ?? 0) > (want.taken.get(room.index) ?? 0);
      if (lacks && spaceIn(room, want.leaf) === 0) awaited.add(room);
    }
  }
  for (const places of new Set(wants.map((want) => want.places)))
    places.open = rooms.filter((room) => (places.slots[room.index] ?? 0) > 0 && !awaited.has(room));
  return awaited;
}

/** @param isOwed what it has beyond its part is due to others */
function limitsOf({ rooms }: Filling, claim: Claim, awaited: ReadonlySet<Room>, isOwed: boolean): Counts {
  const { want, fair } = claim;
  const { kept, taken, job } = want;
  const limits = new Map<number, number>();
  const running = total(kept);
  const isAbove = running > job.remaining || (isOwed && running > total(fair));
  for (const room of rooms) {
    const granted = taken.get(room.index) ?? 0;
    const isRaised = granted > (kept.get(room.index) ?? 0);
    const mayStay = !isAbove && !awaited.has(room) && isInBounds(want, room);
    const limit = isRaised || mayStay ? granted : Math.min(fair.get(room.index) ?? 0, granted);
    if (limit > 0) limits.set(room.index, limit);
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
