/**
 * What may be granted now. Limits are raised only into what is free now: what runs
 * where another is entitled to be shrinks as its tasks end, and that one grows into it, whoever is next in line first.
 * Meanwhile nothing stays idle but what is kept for a task that needs more than is free yet. Who has a right to more
 * than that may have room made for it (`reclaim.ts`); its limits rise once it is there.
 */

import { addTo, at } from "../shares/axes.ts";
import { quotaTop, withinLimits } from "../shares/bounds.ts";
import { charge } from "../shares/charge.ts";
import { available } from "../shares/quota.ts";
import { excessIn, isOwner, type Room, take } from "../shares/rooms.ts";
import type { RoleNode, Tree } from "../shares/tree.ts";
import type { Facts } from "./facts.ts";
import { fill, give } from "./fill.ts";
import { type Due, type Reclaims, reclaimsOf } from "./reclaim.ts";
import { type Counts, countGoingBack, type Filling, NOWHERE, openFilling, total, type Want } from "./wants.ts";
import { spaceIn } from "./where.ts";

/** Of each job, in order of age. */
export interface Admitted extends Reclaims {
  readonly limits: Counts[];
}

/**
 * Room that is being made for a job is kept for it as long as it has a right to it: until then a decision is made anew
 * without what nobody has a right to any more.
 * @param entitled of each job
 */
export function admit(facts: Facts, entitled: readonly Counts[]): Admitted {
  let promised: Counts[] | null = null;
  for (;;) {
    const { admitted, lapsed } = admitBeside(facts, entitled, promised);
    if (lapsed === null) return admitted;
    promised = lapsed;
  }
}

/**
 * @param promised of the room that is made for each job, tasks for which it is kept; null: all
 * @returns with `lapsed`: the same without those that have no right to it
 */
function admitBeside(
  facts: Facts,
  entitled: readonly Counts[],
  promised: readonly Counts[] | null,
): { admitted: Admitted; lapsed: Counts[] | null } {
  const filling = openFilling(facts);
  chargeHeld(filling);
  const dues = filling.wants.map((want, i): Due => {
    const fair = entitled[i] ?? new Map<number, number>();
    return { want, fair, tasks: Math.min(total(fair), want.job.remaining) };
  });
  const raise = (upTo: (due: Due) => number, ceilingOf: (due: Due) => Counts | null): void =>
    fill(
      filling,
      dues.map((due) => {
        const most = Math.max(0, upTo(due) - total(due.want.taken));
        return { ...due.want, most, ceiling: ceilingOf(due) };
      }),
    );
  /** Those that are told up to where. */
  const raiseOnly = (upTo: (due: Due) => Counts | null): void => {
    const some = new Map(dues.flatMap((due) => [[due, upTo(due)] as const]).filter(([, most]) => most !== null));
    if (some.size > 0)
      raise(
        (due) => (some.has(due) ? due.tasks : 0),
        (due) => some.get(due) ?? null,
      );
  };
  // Who had room made for it is given that, before it goes to others who claim.
  raiseOnly(({ want }) => (want.roomFor.size > 0 ? sumOf(want.kept, want.roomFor, Math.max) : null));
  const made = promised ?? filling.wants.map(({ claimed }) => claimed);
  const madeFor = new Map(dues.map((due, i) => [due, made[i]]));
  raiseOnly((due) => (madeFor.get(due)?.size ? sumOf(due.want.kept, madeFor.get(due)) : null));
  const awaitedFor = dues.map((due, i) => stillMissing(due, made[i]));
  keepMade(filling, dues, awaitedFor, 1);
  const parts = new Map(dues.map((due) => [due, partOf(due)]));
  raise(
    (due) => parts.get(due)?.tasks ?? 0,
    (due) => parts.get(due)?.counts ?? null,
  );
  // Who is entitled to a place that others still use may have another one meanwhile.
  keepFor(filling, dues);
  raise(
    ({ tasks }) => tasks,
    () => null,
  );
  // What those entitled to it have no tasks for now, as all of them run elsewhere, is anyone's.
  const awaited = keepFor(filling, dues);
  // What a limit leaves is kept for who is short of it, too: else it would be given and taken back in turns.
  const short = dues.filter(isShort);
  const tight = tightRoles(short);
  const owed = owedIn(short);
  raise(
    (due) => Math.min(due.want.job.remaining, Math.max(due.tasks, total(due.want.taken) + besideOwed(due.want, owed))),
    () => null,
  );
  const limits = dues.map((due) => limitsOf(filling, due, awaited, isUnderAny(due.want, tight)));
  keepMade(filling, dues, awaitedFor, -1);
  // Room is made for later: what frameworks are giving back is free by then, and if not the next round knows.
  countGoingBack(filling, -1);
  const reclaims = reclaimsOf(filling, dues);
  const admitted = {
    ...reclaims,
    limits: limits.map((counts, i) => withoutYields(counts, reclaims.yields[i])),
  };
  return { admitted, lapsed: lapsedOf(made, awaitedFor, reclaims) };
}

function sumOf(a: Counts, b: Counts | undefined, join = (x: number, y: number) => x + y): Counts {
  const sum = new Map(a);
  for (const [index, tasks] of b ?? []) sum.set(index, join(sum.get(index) ?? 0, tasks));
  return sum;
}

/**
 * Its fair part, and where room was made for it what it may have had then: what ends elsewhere can move parts about, and
 * those that were stopped for it are not let in again before it.
 */
function partOf({ want: { job, roomFor, kept }, fair, tasks }: Due): { counts: Counts; tasks: number } {
  if (roomFor.size === 0) return { counts: fair, tasks };
  const made = sumOf(kept, roomFor, Math.max);
  return { counts: sumOf(fair, made, Math.max), tasks: Math.min(job.remaining, Math.max(tasks, total(made))) };
}

/** Of the room that is made for it, tasks by room that could not be given it yet. */
function stillMissing({ want, tasks }: Due, made: Counts | undefined): Counts {
  const missing = new Map<number, number>();
  let left = tasks - total(want.taken);
  for (const [index, promised] of made ?? []) {
    const here = Math.min(left, (want.kept.get(index) ?? 0) + promised - (want.taken.get(index) ?? 0));
    if (here <= 0) continue;
    missing.set(index, here);
    left -= here;
  }
  return missing;
}

/** Keeps room from the others, or lets it go again. */
function keepMade({ rooms }: Filling, dues: readonly Due[], missing: readonly Counts[], sign: 1 | -1): void {
  for (const [i, { want }] of dues.entries()) {
    for (const [index, tasks] of missing[i] ?? []) {
      const room = rooms[index];
      const amounts = want.leaf.demand.map((wanted) => wanted * tasks * sign);
      if (room) take(room, amounts, !isOwner(want.leaf.role.path, room));
    }
  }
}

/** Room was kept for whom nobody may be stopped any more. @returns what is left without that; null: there is none */
function lapsedOf(made: readonly Counts[], awaitedFor: readonly Counts[], { claims }: Reclaims): Counts[] | null {
  let isLapsed = false;
  const left = made.map((counts, i) => {
    const kept = new Map(counts);
    for (const [index, tasks] of awaitedFor[i] ?? []) {
      const { own = 0, priority = 0 } = claims[i]?.get(index) ?? {};
      if (own + priority >= tasks) continue;
      isLapsed = true;
      kept.set(index, (kept.get(index) ?? 0) - (tasks - own - priority));
    }
    return kept;
  });
  return isLapsed ? left : null;
}

/** What may be stopped is not followed by more of the same. */
function withoutYields(limits: Counts, yields: Reclaims["yields"][number] | undefined): Counts {
  if (!yields || yields.size === 0) return limits;
  const kept = new Map(limits);
  for (const [index, { keep }] of yields) {
    if ((kept.get(index) ?? 0) > keep) kept.set(index, keep);
    if (keep <= 0) kept.delete(index);
  }
  return kept;
}

const isShort = ({ want, tasks }: Due): boolean => total(want.taken) < tasks;
/** Room would help: no limit keeps it from another task. */
const isShortOfRoom = (due: Due): boolean => isShort(due) && withinLimits(due.want.leaf) > 0;

/** Roles whose limit leaves too little for a task of those that are short. */
function tightRoles(dues: readonly Due[]): ReadonlySet<RoleNode> {
  const tight = new Set<RoleNode>();
  for (const { leaf } of dues.map(({ want }) => want)) {
    for (let above: RoleNode | null = leaf.role; above !== null; above = above.parent) {
      const { limit, used } = above;
      if (leaf.demand.some((wanted, r) => wanted > 0 && at(used, r) + wanted > at(limit, r))) tight.add(above);
    }
  }
  return tight;
}

/** By role, what the largest task needs that is short of it, in each resource. */
function owedIn(dues: readonly Due[]): ReadonlyMap<RoleNode, number[]> {
  const owed = new Map<RoleNode, number[]>();
  for (const { leaf } of dues.map(({ want }) => want)) {
    for (let above: RoleNode | null = leaf.role; above !== null; above = above.parent)
      owed.set(
        above,
        leaf.demand.map((wanted, r) => Math.max(wanted, owed.get(above as RoleNode)?.[r] ?? 0)),
      );
  }
  return owed;
}

/** Times its demand that limits leave room for beside what is owed. */
function besideOwed({ leaf }: Want, owed: ReadonlyMap<RoleNode, number[]>): number {
  let times = Number.POSITIVE_INFINITY;
  for (let above: RoleNode | null = leaf.role; above !== null; above = above.parent) {
    const kept = owed.get(above);
    if (!kept) continue;
    for (const [r, wanted] of leaf.demand.entries())
      if (wanted > 0 && at(kept, r) > 0)
        times = Math.min(times, Math.floor((at(above.limit, r) - at(above.used, r) - at(kept, r)) / wanted));
  }
  return Math.max(0, times);
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

/** There is space, but too little beside what roles that don't lend keep for themselves. */
const isKeptBack = ({ league }: Tree, { leaf }: Want, room: Room): boolean =>
  quotaTop(leaf.role, room) === null && leaf.demand.some((wanted, r) => wanted > 0 && available(league, r) < wanted);

/** Closes the rooms that someone is short of, and that have no space for its next task yet. @returns all of them */
function keepFor({ tree, rooms, wants }: Filling, dues: readonly Due[]): ReadonlySet<Room> {
  const awaited = new Set<Room>();
  for (const { want, fair } of dues.filter(isShortOfRoom)) {
    for (const room of rooms) {
      const lacks = (fair.get(room.index) ?? 0) > (want.taken.get(room.index) ?? 0);
      if (lacks && (spaceIn(room, want.leaf) === 0 || isKeptBack(tree, want, room))) awaited.add(room);
    }
  }
  for (const places of new Set(wants.map((want) => want.places)))
    places.open = rooms.filter((room) => (places.slots[room.index] ?? 0) > 0 && !awaited.has(room));
  return awaited;
}

/** @param isOwed what it has beyond its part is due to others */
function limitsOf({ rooms }: Filling, due: Due, awaited: ReadonlySet<Room>, isOwed: boolean): Counts {
  const { want, fair } = due;
  const { kept, taken, job } = want;
  const limits = new Map<number, number>();
  const running = total(kept);
  const isAbove = running > job.remaining || (isOwed && running > total(fair));
  let live = 0;
  for (const held of job.held.values()) live += held.live ?? 0;
  const waiting = Math.max(0, job.remaining - live);
  for (const room of rooms) {
    const granted = taken.get(room.index) ?? 0;
    const isRaised = granted > (kept.get(room.index) ?? 0);
    const mayStay = !isAbove && !awaited.has(room) && isInBounds(want, room);
    const limit = isRaised || mayStay ? granted : Math.min(fair.get(room.index) ?? 0, granted);
    // No room is kept idle for a job that has no more tasks for it, as all of them run elsewhere.
    const useful = Math.min(limit, (job.held.get(room.key)?.live ?? 0) + waiting);
    if (useful > 0) limits.set(room.index, useful);
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
