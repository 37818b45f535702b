/**
 * Progressive filling (Ghodsi et al., NSDI'11) over partitions: whoever is next is given a task where it is best had,
 * until nobody can be given any. Nothing is ever taken back.
 */
import { timesIn } from "../shares/axes.ts";
import type { Bound } from "../shares/bounds.ts";
import { occupy, vacate } from "../shares/charge.ts";
import { lineUp, serveNext } from "../shares/next.ts";
import type { Room } from "../shares/rooms.ts";
import type { Leaf } from "../shares/tree.ts";
import type { Filling, Want } from "./wants.ts";
import { choose } from "./where.ts";

/** Gives until nobody can be given any more of what is wanted. */
export function fill(filling: Filling, wants: readonly Want[]): void {
  const byLeaf = new Map(wants.filter((want) => want.most > 0).map((want) => [want.leaf, want]));
  const line = lineUp(filling.tree.league, byLeaf.keys());
  const help = (leaf: Leaf, bounds: readonly Bound[]): boolean => {
    const want = byLeaf.get(leaf);
    const chosen = want && choose(filling.facts.input.objective, want, bounds);
    if (!chosen) return false;
    give(want, chosen.room, Math.min(chosen.tasks, helping(filling, leaf)));
    return true;
  };
  while (serveNext(line, help));
}

/** Puts tasks of the job into a room, and charges them. */
export function give(want: Want, room: Room, tasks: number): void {
  const { leaf, taken } = want;
  occupy(
    leaf,
    room,
    leaf.demand.map((wanted) => wanted * tasks),
  );
  taken.set(room.index, (taken.get(room.index) ?? 0) + tasks);
  want.most -= tasks;
}

/** Takes tasks of the job out of a room again. */
export function giveUp(want: Want, room: Room, tasks: number): void {
  const { leaf, taken } = want;
  vacate(
    leaf,
    room,
    leaf.demand.map((wanted) => wanted * tasks),
  );
  taken.set(room.index, (taken.get(room.index) ?? 0) - tasks);
  want.most += tasks;
}

/** Tasks that are given at once. */
export function helping({ facts, tree }: Filling, { demand }: Leaf): number {
  if (facts.quantum === 0) return 1;
  const part = tree.league.lendable.map((amount) => amount * facts.quantum);
  return Math.max(1, timesIn(demand, part));
}
