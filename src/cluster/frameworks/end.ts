import type { ClusterMemory } from "../memory.ts";
import { isIdle, isOver, type JobState } from "../state.ts";
import { fold } from "../use.ts";

/** Its framework was told how it ended: nothing of it is asked for any more. */
export function endLaunched(memory: ClusterMemory, job: JobState): void {
  if (!isIdle(job) || !isOver(job)) return;
  fold(memory, job);
  memory.frameworks.forgetTask(job);
  memory.dropJob(job.id);
  memory.store.endGrants([job.id]);
}

/** Its node was removed before it was handed out: no row tells of an attempt, so that it is found so again. */
export function loseLaunched(memory: ClusterMemory, job: JobState): void {
  job.fresh = [];
  job.retry.clear();
  job.failed = [[0, 1]];
  memory.frameworks.ended(job);
  job.dirty = "now";
}
