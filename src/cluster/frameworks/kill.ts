import type { ClusterMemory } from "../memory.ts";
import { cancelWaiting, isOver, type JobState } from "../state.ts";

/** Ends a task that a framework launched. @param graceMs between TERM and KILL; null: as the task says */
export function kill(memory: ClusterMemory, job: JobState, graceMs: number | null): void {
  if (isOver(job)) return;
  const { template } = job;
  const isSame = job.action === "cancel" && (graceMs === null || graceMs === template.stopGraceMs);
  if (isSame) return;
  job.action = "cancel";
  if (graceMs !== null) job.template = { ...template, stopGraceMs: graceMs };
  // What was not handed out yet ends here and now.
  cancelWaiting(job);
  if (isOver(job)) memory.frameworks.ended(job);
  memory.putJob(job);
  memory.saveGrant(job);
  job.dirty = "now";
}
