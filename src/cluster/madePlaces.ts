/**
 * Room that was made is kept in two ways. While victims stop, what is free beside them is kept as an amount: which
 * devices and ports it will be is open. Once they are gone it is a place like any other, so that nobody waits for more
 * than that.
 */
import type { Place } from "../scheduling/place/occupancy.ts";
import { isThere, type Made } from "./making.ts";
import type { ClusterMemory } from "./memory.ts";

/** @returns null: victims are there, or the node does not take it any more */
export function keepMade(memory: ClusterMemory, made: Made, now: number): Place | null {
  const { key, job, node, partition } = made;
  const [kept] = memory.holds.get(key)?.places ?? [];
  if (kept || made.victims.some(isThere)) return kept ?? null;
  made.goneAt ??= now;
  // An amount that is kept of devices may be any of them, and would hide those that are its own.
  const { gpus: _, ...amounts } = memory.making.keptOn(node);
  memory.keepRoom(node, amounts);
  const place = memory.placer.placeAt(job.asked, partition, node);
  if (place) memory.holds.keep(key, job.asked, partition, [place]);
  memory.keepRoom(node);
  return place;
}

/** Who waited for it starts there, or others may have it. */
export function letGoMade(memory: ClusterMemory, made: Made): void {
  memory.making.drop(made);
  memory.release(made.key);
  memory.keepRoom(made.node);
}
