/**
 * Who may take back what. A job that is short of its fair part may have room made for it where its role is due its own,
 * of those who run beyond what they are promised; or where lower priorities of its own role run. Never so that shares
 * become equal: that is left to tasks that end. A claim is never more than the fair part that the job lacks; what yields
 * is never of another's fair part, and all of it together leaves everyone outside what they are promised.
 *
 * It comes to rest, since each step makes the league better in this order (`docs/shares.md`, "Taking back"): what is
 * missing of promises, those of the deepest roles first, measured with the highest priorities first; then what runs, by
 * priority.
 */
import { isWithin } from "../../model/role.ts";
import type { Claimed, Yielded } from "../input.ts";
import { at } from "../shares/axes.ts";
import { quotaTop, withinBound, withinLimits, withinQuota } from "../shares/bounds.ts";
import { available } from "../shares/quota.ts";
import { isOwner, type Room } from "../shares/rooms.ts";
import type { Leaf, RoleNode } from "../shares/tree.ts";
import { give, giveUp, helping } from "./fill.ts";
import { Promises } from "./promises.ts";
import { type Counts, type Filling, total, type Want } from "./wants.ts";
import { spaceIn } from "./where.ts";

/** A job, its fair part, and how many tasks it has for it. */
export interface Due {
  readonly want: Want;
  readonly fair: Counts;
  readonly tasks: number;
}

export interface Reclaims {
  /** by position of the job, and by room */
  readonly claims: ReadonlyMap<number, Claimed>[];
  readonly yields: ReadonlyMap<number, Yielded>[];
}

/** Attempts of a job in a room that may be stopped. */
interface Victim {
  readonly want: Want;
  left: number;
}

interface Seeker {
  readonly due: Due;
  /** its right is against all that are not under this role */
  readonly root: RoleNode;
  /** no further than that; null: as far as the room goes */
  readonly bound: "guarantee" | null;
  /** only what ends under this role makes room for it; null: what ends anywhere */
  readonly scope: RoleNode | null;
}

const NONE: Reclaims = { claims: [], yields: [] };

/** @param filling everyone has what it may run now. It is used up */
export function reclaimsOf(filling: Filling, dues: readonly Due[]): Reclaims {
  const short = dues.filter((due) => missing(due) > 0);
  return short.length === 0 ? NONE : new Reclaiming(filling, dues).decide(short);
}

class Reclaiming {
  readonly #filling: Filling;
  readonly #dues: readonly Due[];
  readonly #promises: Promises;
  readonly #claims: Map<number, Claimed>[];
  readonly #yields: Map<number, Yielded>[];
  readonly #positions: ReadonlyMap<Want, number>;

  constructor(filling: Filling, dues: readonly Due[]) {
    this.#filling = filling;
    this.#dues = dues;
    this.#promises = new Promises(filling);
    this.#claims = dues.map(() => new Map());
    this.#yields = dues.map(() => new Map());
    this.#positions = new Map(dues.map(({ want }, i) => [want, i]));
  }

  decide(short: readonly Due[]): Reclaims {
    for (const room of this.#filling.rooms) this.#forOwn(room, short);
    for (const room of this.#filling.rooms) this.#forPriority(room, short);
    return { claims: this.#claims, yields: this.#yields };
  }

  #forOwn(room: Room, short: readonly Due[]): void {
    const all = short.flatMap((due) => seekerIn(due, room) ?? []);
    // What ends for one must be of use to each: those that need it of one role wait for the others, if those get any.
    const scopes = new Set(all.map(({ scope }) => scope));
    for (const scope of scopes.has(null) ? [null, ...scopes] : scopes) if (this.#forScope(room, scope, all)) return;
  }

  /** @returns whether any of them claims something */
  #forScope(room: Room, scope: RoleNode | null, all: readonly Seeker[]): boolean {
    const seekers = all
      .filter((seeker) => seeker.scope === scope)
      .sort((a, b) => (a.bound === b.bound ? 0 : a.bound === null ? -1 : 1));
    const roots = new Set(seekers.map(({ root }) => root));
    const victims = this.#victimsIn(room, (want) => isOutside(want, roots) && isUnder(want, scope));
    for (const victim of victims) {
      victim.left = this.#promises.spare(victim.want, room, victim.left, roots);
      this.#promises.letGo(victim.want, room, victim.left);
    }
    const told = victims.map(({ want, left }) => ({ want, left }));
    let isUsed = false;
    for (const { due, root, bound } of seekers) {
      const { leaf } = due.want;
      const most = () =>
        bound === null
          ? Number.POSITIVE_INFINITY
          : withinBound({ role: root, by: bound }, leaf, quotaTop(leaf.role, room));
      if (this.#claim(due, room, "own", victims, most)) isUsed = true;
    }
    for (const { want, left } of told) {
      if (isUsed) this.#yield(want, room, "lent", left);
      else this.#promises.keep(want, room, left);
      if (isUsed && left > 0) this.#promises.gave(want);
    }
    return isUsed;
  }

  #forPriority(room: Room, short: readonly Due[]): void {
    const seekers = short
      .filter((due) => lacks(due, room) > 0 && !this.#promises.isAsked(due.want.leaf.role))
      .sort((a, b) => b.want.leaf.priority - a.want.leaf.priority);
    if (seekers.length === 0) return;
    const all = this.#victimsIn(room, () => true);
    const mayYield = new Set<Want>();
    for (const due of seekers) {
      const { role, priority } = due.want.leaf;
      const lower = all.filter(({ want: { leaf } }) => leaf.role === role && leaf.priority < priority);
      const told = lower.filter(({ left }) => left > 0).map(({ want }) => want);
      if (this.#claim(due, room, "priority", lower, () => Number.POSITIVE_INFINITY))
        for (const want of told) mayYield.add(want);
    }
    for (const want of mayYield)
      this.#yield(
        want,
        room,
        "lower",
        excessOf(want, this.#fairOf(want), room, this.#yields[this.#at(want)]?.get(room.index)),
      );
  }

  /** Those that have more there than is their part, the lowest priority first, of those the youngest. */
  #victimsIn(room: Room, isMeant: (want: Want) => boolean): Victim[] {
    return this.#dues
      .filter(({ want }) => isMeant(want))
      .map(({ want, fair }) => ({
        want,
        left: excessOf(want, fair, room, this.#yields[this.#at(want)]?.get(room.index)),
      }))
      .filter(({ left }) => left > 0)
      .sort((a, b) => a.want.leaf.priority - b.want.leaf.priority || b.want.leaf.age - a.want.leaf.age);
  }

  /** Gives it tasks in place of victims, as many as it can be given. @returns whether it is any */
  #claim(due: Due, room: Room, by: "own" | "priority", victims: readonly Victim[], most: () => number): boolean {
    const { want } = due;
    if (victims.every(({ left }) => left === 0)) return false;
    const inKind = isBoundBeside(want.leaf, room);
    let claimed = 0;
    for (;;) {
      const wanted = Math.min(lacks(due, room), most());
      if (wanted <= 0) break;
      const gone: [Victim, number][] = [];
      while (roomFor(want.leaf, room) === 0) {
        const victim = victims.find(({ left }) => left > 0);
        if (!victim) break;
        const tasks = Math.min(victim.left, helping(this.#filling, victim.want.leaf));
        giveUp(victim.want, room, tasks);
        victim.left -= tasks;
        gone.push([victim, tasks]);
      }
      const tasks = Math.min(wanted, roomFor(want.leaf, room), helping(this.#filling, want.leaf));
      if (tasks === 0) {
        for (const [victim, spared] of gone) {
          give(victim.want, room, spared);
          victim.left += spared;
        }
        break;
      }
      give(want, room, tasks);
      claimed += tasks;
    }
    if (claimed === 0) return false;
    const claims = this.#claims[this.#at(want)];
    const before = claims?.get(room.index) ?? { own: 0, priority: 0, inKind: false };
    claims?.set(room.index, { ...before, [by]: before[by] + claimed, inKind: before.inKind || inKind });
    return true;
  }

  #yield(want: Want, room: Room, to: "lent" | "lower", tasks: number): void {
    if (tasks <= 0) return;
    const yields = this.#yields[this.#at(want)];
    const before = yields?.get(room.index) ?? { lent: 0, lower: 0, keep: want.kept.get(room.index) ?? 0 };
    yields?.set(room.index, { ...before, [to]: tasks, keep: before.keep - tasks });
  }

  #at(want: Want): number {
    return this.#positions.get(want) as number;
  }
  #fairOf(want: Want): Counts {
    return (this.#dues[this.#at(want)] as Due).fair;
  }
}

const missing = ({ want, tasks }: Due): number => tasks - total(want.taken);

/** Tasks that are fair there and that it has not. */
const lacks = (due: Due, { index }: Room): number =>
  due.want.barred.has(index)
    ? 0
    : Math.min(missing(due), (due.fair.get(index) ?? 0) - (due.want.taken.get(index) ?? 0));

/** Attempts that run there beyond what is fair, and of which nobody was told yet. */
function excessOf({ kept, taken }: Want, fair: Counts, { index }: Room, told: Yielded | undefined): number {
  const runs = kept.get(index) ?? 0;
  // What has just been given more there is not asked for it back.
  if ((taken.get(index) ?? 0) > runs) return 0;
  return runs - (fair.get(index) ?? 0) - (told?.lent ?? 0) - (told?.lower ?? 0);
}

/** Its right to its own there: of a partition that is owned by its role or above or under it, or to what is guaranteed. */
function seekerIn(due: Due, room: Room): Seeker | null {
  if (lacks(due, room) <= 0) return null;
  const { leaf } = due.want;
  const top = quotaTop(leaf.role, room);
  const scope = scopeOf(leaf, top);
  if (top !== null) return { due, root: top, bound: null, scope };
  for (let root: RoleNode = leaf.role; root.parent !== null; root = root.parent) {
    if (root.guarantees.includes(true) && withinBound({ role: root, by: "guarantee" }, leaf, top) > 0)
      return { due, root, bound: "guarantee", scope };
  }
  return null;
}

/** The deepest role whose limit or quota leaves no room for a task; null: none, or only the whole league's. */
function scopeOf({ role, demand }: Leaf, top: RoleNode | null): RoleNode | null {
  for (let above: RoleNode = role; above.parent !== null; above = above.parent) {
    const isTop = top !== null && isWithin(top.path, above.path);
    for (const [r, wanted] of demand.entries()) {
      if (wanted === 0) continue;
      if (at(above.used, r) + wanted > at(above.limit, r)) return above;
      if (!isTop && available(role, r, above.parent) < wanted) return above;
    }
  }
  return null;
}

/** Limits, quotas and what is lent leave less than is free: who takes the free room beside a victim's may not start. */
function isBoundBeside(leaf: Leaf, room: Room): boolean {
  const { role, demand } = leaf;
  const top = quotaTop(role, room);
  return demand.some((wanted, r) => {
    if (wanted === 0) return false;
    let left = available(role, r, top);
    if (!isOwner(role.path, room)) left = Math.min(left, at(room.lendableLeft, r));
    for (let above: RoleNode | null = role; above !== null; above = above.parent)
      left = Math.min(left, at(above.limit, r) - at(above.used, r));
    return left < at(room.free, r);
  });
}

const roomFor = (leaf: Leaf, room: Room): number =>
  Math.min(spaceIn(room, leaf), withinLimits(leaf), withinQuota(leaf, quotaTop(leaf.role, room)));

const isOutside = ({ leaf }: Want, roots: ReadonlySet<RoleNode>): boolean =>
  [...roots].every((root) => !isWithin(leaf.role.path, root.path));

const isUnder = ({ leaf }: Want, scope: RoleNode | null): boolean =>
  scope === null || isWithin(leaf.role.path, scope.path);
