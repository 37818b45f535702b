/** The figures of one run, for all jobs and by owner. */
import { percentile, rounded } from "../line.ts";
import type { Run } from "./simulate.ts";
import type { TraceJob } from "./trace.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

export type Summary = {
  mean_wait_h: number;
  p50_wait_h: number;
  p95_wait_h: number;
  kills: number;
  lost_gpu_days: number;
  makespan_d: number;
  utilisation_pct: number;
};

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

/** Makespan is from the trace's zero to the last end; utilisation is of what was not lost. */
export function summaryOf(run: Run, jobs: readonly TraceJob[], gpus: number): Summary {
  const workGpuMs = jobs.reduce((sum, { size, durationMs }) => sum + size * durationMs, 0);
  return {
    mean_wait_h: rounded(mean(run.waitsMs) / HOUR_MS),
    p50_wait_h: rounded(percentile(run.waitsMs, 0.5) / HOUR_MS),
    p95_wait_h: rounded(percentile(run.waitsMs, 0.95) / HOUR_MS),
    kills: run.stops,
    lost_gpu_days: rounded(run.lostGpuMs / DAY_MS),
    makespan_d: rounded(run.endedAtMs / DAY_MS),
    utilisation_pct: rounded((100 * workGpuMs) / Math.max(1, gpus * run.endedAtMs)),
  };
}

export function meanWaitMsByOwner(run: Run, jobs: readonly TraceJob[]): Map<string, number> {
  const waits = new Map<string, number[]>();
  for (const { id, owner } of jobs) {
    const own = waits.get(owner) ?? [];
    own.push(run.waitsMs[id] ?? Number.NaN);
    waits.set(owner, own);
  }
  return new Map([...waits].map(([owner, own]) => [owner, mean(own)]));
}
