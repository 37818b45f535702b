/** Where a job's next tasks go: the rooms that have space for them, and which of those is best. */
import type { Objective } from "../../model/league.ts";
import { timesIn } from "../shares/axes.ts";
import { type Bound, quotaTop, withinBound, withinLimits, withinQuota } from "../shares/bounds.ts";
import { isOwner, type Room } from "../shares/rooms.ts";
import type { Leaf, RoleNode } from "../shares/tree.ts";
import { slotsLeft, type Want } from "./wants.ts";

/** The best room for the job within the bounds, and how many tasks could go there. */
export function choose(
  objective: Objective,
  want: Want,
  bounds: readonly Bound[],
): { room: Room; tasks: number } | null {
  const { leaf, places } = want;
  const most = Math.min(want.most, withinLimits(leaf));
  if (most === 0) return null;
  const quotas = new Map<RoleNode | null, number>();
  let best: { room: Room; tasks: number; rank: Rank } | null = null;
  let full = false;
  for (const room of places.open) {
    const space = spaceIn(room, leaf);
    if (space === 0) {
      full = true;
      continue;
    }
    const left = slotsLeft(want, room);
    if (left <= 0) continue;
    const rank = rankOf(objective, want, room);
    if (best !== null && !isBetter(rank, best.rank)) continue;
    const top = quotaTop(leaf.role, room);
    let quota = quotas.get(top);
    if (quota === undefined) {
      quota = Math.min(withinQuota(leaf, top), ...bounds.map((bound) => withinBound(bound, leaf, top)));
      quotas.set(top, quota);
    }
    const tasks = Math.min(most, space, left, quota);
    if (tasks > 0) best = { room, tasks, rank };
  }
  if (full) places.open = places.open.filter((room) => spaceIn(room, leaf) > 0);
  return best;
}

/** Tasks of the job that what is free, and lent, in the room has space for. */
export function spaceIn(room: Room, { role, demand }: Leaf): number {
  const free = timesIn(demand, room.free);
  return free === 0 || isOwner(role.path, room) ? free : Math.min(free, timesIn(demand, room.lendableLeft));
}

/** Lower is better, the first that differs decides. */
type Rank = readonly [
  ownership: number,
  worth: number,
  plan: number,
  stay: number,
  objective: number,
  claim: number,
  load: number,
];

/**
 * An owner first fills what is its own, and the others last what somebody owns; then where it prefers to be, then what
 * the plan says, where its tasks run already; what the league aims at; where room is being made for them; the least
 * loaded. Equal ones go by name.
 *
 * A claim is followed no sooner: it is for the last task of a part, and would move the others about, which can leave it
 * without reason.
 */
function rankOf(objective: Objective, { leaf, places, taken, planned, kept, claimed }: Want, room: Room): Rank {
  const given = taken.get(room.index) ?? 0;
  const { price, speed } = room.partition;
  return [
    room.owner === null ? 1 : isOwner(leaf.role.path, room) ? 0 : 2,
    -(places.worths[room.index] ?? 0),
    given < (planned.get(room.index) ?? 0) ? 0 : 1,
    given < (kept.get(room.index) ?? 0) ? 0 : 1,
    objective === "cost" ? price : objective === "completion-time" ? -speed : 0,
    given < (kept.get(room.index) ?? 0) + (claimed.get(room.index) ?? 0) ? 0 : 1,
    room.load,
  ];
}

function isBetter(a: Rank, b: Rank): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return (a[i] as number) < (b[i] as number);
  return false;
}
