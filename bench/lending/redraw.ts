/** Other futures of the same jobs: who comes when, and with what size, stays; how long each runs is dealt anew. */
import { seeded } from "../../test/support/seeded.ts";
import type { TraceJob } from "./trace.ts";

/** Shuffles the durations among the jobs of each owner. */
export function redrawn(jobs: readonly TraceJob[], seed: number): TraceJob[] {
  const random = seeded(seed);
  const left = new Map<string, number[]>();
  for (const { owner, durationMs } of jobs) left.set(owner, [...(left.get(owner) ?? []), durationMs]);
  return jobs.map((job) => {
    const durations = left.get(job.owner) ?? [];
    const [durationMs = job.durationMs] = durations.splice(Math.floor(random() * durations.length), 1);
    return { ...job, durationMs };
  });
}
