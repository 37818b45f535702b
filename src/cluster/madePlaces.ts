/**
 * Room that was made is kept in two ways. While victims stop, what is free beside them is kept as an amount: which
 * devices and ports it will be is open. Once they are gone its places are like any others, so that nobody waits for more
 * than that. Who waited for them starts there once the Broker has raised its limits: a gang in whole, in one turn.
 */
import type { Place } from "../scheduling/place/occupancy.ts";
import { isWhole, standingOf } from "./gang.ts";
import { roomsOf } from "./gangRoom.ts";
import { isThere, type Made, sizeOf } from "./making.ts";
import type { ClusterMemory } from "./memory.ts";
import { limitOf, liveCounts, stockSize } from "./state.ts";

/** @returns of each; null: victims are there, or a node does not take one any more */
export function keepMade(memory: ClusterMemory, made: Made, now: number): readonly Place[] | null {
  const { key, job, partition, places, victims } = made;
  const kept = memory.holds.get(key);
  if (kept) return kept.places;
  if (victims.some(isThere)) return null;
  made.goneAt ??= now;
  for (const [node, there] of places) {
    // An amount that is kept of devices may be any of them, and would hide those that are its own.
    const { gpus: _, ...amounts } = memory.making.keptOn(node);
    memory.keepRoom(node, amounts);
    for (let n = 0; n < there; n++) {
      const place = memory.placer.placeAt(job.asked, partition, node);
      if (place) memory.holds.keep(key, job.asked, partition, [place]);
    }
    memory.keepRoom(node);
  }
  const all = memory.holds.get(key)?.places ?? [];
  if (all.length === sizeOf(made)) return all;
  memory.release(key);
  return null;
}

/** Who waited for it starts there, or others may have it. */
export function letGoMade(memory: ClusterMemory, made: Made): void {
  memory.making.drop(made);
  memory.release(made.key);
  for (const node of made.places.keys()) memory.keepRoom(node);
}

/** Its victims are gone, and the Broker has raised its limits. */
export function mayStart(memory: ClusterMemory, made: Made): boolean {
  const { job, partition, gang, victims } = made;
  if (job.action !== "run" || victims.some(isThere)) return false;
  if (gang !== null) {
    const tasks = gangFor(made).length;
    return tasks > 0 && tasks <= (roomsOf(memory, job).get(partition) ?? 0);
  }
  const room = limitOf(job) - job.live.size - stockSize(job.limbo);
  const here = (job.limits[partition] ?? 0) - (liveCounts(job)[partition] ?? 0);
  return room > 0 && here > 0;
}

/** What waits of the gang that it is for; none: it is over, runs, or is not here any more. */
export function gangFor(made: Made): readonly number[] {
  const { job, gang } = made;
  const standing = gang === null ? null : standingOf(job, gang);
  return standing && isWhole(standing) && standing.waiting.length <= sizeOf(made) ? standing.waiting : [];
}
