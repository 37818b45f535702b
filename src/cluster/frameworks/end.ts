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
