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

/** Whether there is room in all is asked of every node: no sooner again than after so long. */
const LOOK_MS = 2_000;
const looks = new WeakMap<JobState, { atMs: number; shortage: "fragmented" | "space" }>();

export function starvedBy(memory: ClusterMemory, job: JobState, now: number): Starved {
  const { up, silent, total } = memory.nodeAccounts.counts(now);
  if (up === 0) return total > silent ? "paused" : "no-nodes";
  if (!canRunHere(memory, job, now)) return job.refusedBy.size > 0 ? "refused" : "does-not-fit";
  const look = looks.get(job);
  if (look && now >= look.atMs && now - look.atMs < LOOK_MS) return look.shortage;
  const shortage = shortageOf(memory, job, now);
  looks.set(job, { atMs: now, shortage });
  return shortage;
}

function shortageOf(memory: ClusterMemory, job: JobState, now: number): "fragmented" | "space" {
  let free: Resources = {};
  for (const { name } of couldRun(memory, job, now)) {
    if (memory.placer.fits(job.asked, name)) return "space";
    free = add(free, memory.placer.freeOn(name));
  }
  return fits(job.template.resources, free) ? "fragmented" : "space";
}

/** Where one of these nodes is up and has room for it now, where none had: by limits it may not run there any more. */
export function roomOn(memory: ClusterMemory, job: JobState, nodes: Iterable<string>, now: number): string[] {
  const found = new Set<string>();
  for (const name of nodes) {
    const node = memory.nodes.get(name);
    if (!node || !memory.isUp(node, now) || job.refusedBy.has(name) || !memory.placer.fits(job.asked, name)) continue;
    for (const home of memory.nodeAccounts.homesOf(name)) if (job.lacksIn.includes(home)) found.add(home);
  }
  return [...found];
}

/** Whether a node of these partitions is up and has room for it now. */
export function fitsNow(memory: ClusterMemory, job: JobState, now: number, partitions: readonly string[]): boolean {
  for (const { name } of couldRun(memory, job, now, partitions)) if (memory.placer.fits(job.asked, name)) return true;
  return false;
}
