import type { ClusterMemory } from "../memory.ts";
import { cancelWaiting, isOver, type JobState } from "../state.ts";
import { UNENDED } from "../store.ts";

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
  memory.putJob(job);
  memory.saveGrant(job);
  job.dirty = "now";
  if (isOver(job)) endedLaunched(memory, job, false);
}

/** Its node went away before it was handed out, or before it began: nothing of it ran. */
export function loseLaunched(memory: ClusterMemory, job: JobState): void {
  const { launched } = job;
  if (launched === null || isOver(job)) return;
  job.launched = { ...launched, isLost: true };
  for (const { index, attemptsUsed } of job.retry.values())
    memory.store.end(job.id, index, "failed", attemptsUsed, 0, { ...UNENDED, reason: "agent-lost" });
  job.fresh = [];
  job.retry.clear();
  job.failed = [[0, 1]];
  memory.saveGrant(job);
  job.dirty = "now";
  endedLaunched(memory, job, false);
}

/** What frameworks launch as a group ends as one, but for those that have done their work. */
export function endedLaunched(memory: ClusterMemory, job: JobState, isDone: boolean): void {
  const { frameworks } = memory;
  frameworks.ended(job);
  const { launched } = job;
  if (launched === null || launched.group === null || isDone) return;
  for (const other of [...(frameworks.byId.get(launched.framework)?.groupOf(launched) ?? [])])
    kill(memory, other, null);
}
