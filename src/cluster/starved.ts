/** Why granted work finds no place in this cluster right now. */
import { add, fits, type Resources } from "../model/resources.ts";
import type { WaitReason } from "../protocol/levels.ts";
import { canRunHere, couldRun } from "./ends.ts";
import type { ClusterMemory } from "./memory.ts";
import type { JobState } from "./state.ts";

export function say(job: JobState, reason: WaitReason | null): void {
  if (job.reason === reason) return;
  job.reason = reason;
  if (job.dirty === "no") job.dirty = "soon";
}

export type Starved = "no-nodes" | "paused" | "does-not-fit" | "refused" | "fragmented" | "space";

export function starvedBy(memory: ClusterMemory, job: JobState, now: number): Starved {
  const known = [...memory.nodes.values()].filter((node) => !node.removed && !memory.isSuspect(node, now));
  if (memory.upNodes(now).length === 0) return known.length > 0 ? "paused" : "no-nodes";
  if (!canRunHere(memory, job, now)) return job.refusedBy.size > 0 ? "refused" : "does-not-fit";
  let free: Resources = {};
  for (const { name } of couldRun(memory, job, now)) {
    if (memory.placer.fits(job.asked, name)) return "space";
    free = add(free, memory.placer.freeOn(name));
  }
  return fits(job.template.resources, free) ? "fragmented" : "space";
}

/** Whether a node that is up has room for it now, where none had: by limits it may not run there any more. */
export function fitsNow(
  memory: ClusterMemory,
  job: JobState,
  now: number,
  partitions: readonly string[] = job.lacksIn,
): boolean {
  for (const { name } of couldRun(memory, job, now, partitions)) if (memory.placer.fits(job.asked, name)) return true;
  return false;
}
