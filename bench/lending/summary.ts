/** The figures of one run, for all jobs and by owner. */
import { percentile, rounded } from "../line.ts";
import type { Run } from "./simulate.ts";
import type { TraceJob } from "./trace.ts";

const HOUR_S = 3600;
const DAY_S = 86_400;

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
  const workGpuS = jobs.reduce((sum, { size, durationS }) => sum + size * durationS, 0);
  return {
    mean_wait_h: rounded(mean(run.waitsS) / HOUR_S),
    p50_wait_h: rounded(percentile(run.waitsS, 0.5) / HOUR_S),
    p95_wait_h: rounded(percentile(run.waitsS, 0.95) / HOUR_S),
    kills: run.stops,
    lost_gpu_days: rounded(run.lostGpuS / DAY_S),
    makespan_d: rounded(run.endedAtS / DAY_S),
    utilisation_pct: rounded((100 * workGpuS) / Math.max(1, gpus * run.endedAtS)),
  };
}

export function meanWaitSByOwner(run: Run, jobs: readonly TraceJob[]): Map<string, number> {
  const waits = new Map<string, number[]>();
  for (const { id, owner } of jobs) {
    const own = waits.get(owner) ?? [];
    own.push(run.waitsS[id] ?? Number.NaN);
    waits.set(owner, own);
  }
  return new Map([...waits].map(([owner, own]) => [owner, mean(own)]));
}
