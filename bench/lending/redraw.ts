/** Other futures of the same jobs: who comes when, and with what size, stays; how long each runs is dealt anew. */
import type { TraceJob } from "./trace.ts";

/** Mulberry32: small, and the same everywhere. @returns in [0, 1) */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

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
