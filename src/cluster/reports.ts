/** What a Cluster tells the Broker of each job: absolute and cumulative. */
import type { JobReport } from "../protocol/levels.ts";
import type { ClusterMemory } from "./memory.ts";
import { type JobState, stockSize } from "./state.ts";

export function jobReport(job: JobState): JobReport {
  return {
    job: job.id,
    genApplied: job.gen,
    done: job.done,
    failed: job.failed,
    cancelled: job.cancelled,
    returned: job.returned,
    live: job.live.size + stockSize(job.limbo),
    waiting: stockSize(job.fresh) + job.retry.size,
    reason: job.reason,
    usedMs: job.usedMs,
    lastFailure: job.lastFailure,
  };
}

export function nodeCounts(memory: ClusterMemory, now: number): { up: number; silent: number; total: number } {
  let up = 0;
  let silent = 0;
  let total = 0;
  for (const node of memory.nodes.values()) {
    if (node.removed) continue;
    total += 1;
    if (memory.isUp(node, now)) up += 1;
    else if (memory.isSuspect(node, now)) silent += 1;
  }
  return { up, silent, total };
}

/** Nothing more can come of the job here until the Broker says so: its end must not wait. */
export const isIdle = (job: JobState): boolean =>
  job.live.size === 0 && job.retry.size === 0 && job.fresh.length === 0 && job.limbo.length === 0;

/** The cluster would soon have nothing left to hand out. */
export const runsDry = (job: JobState): boolean => stockSize(job.fresh) + job.retry.size < job.limit / 2;
