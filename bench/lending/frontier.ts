/** What less lost work costs in waiting: the same jobs with other settings, one line each on stderr. */
import { DEFAULT_LENDING, type LendingSettings } from "../../src/scheduling/lending/lend.ts";
import { progress } from "../line.ts";
import { hansa } from "./policy.ts";
import { simulate } from "./simulate.ts";
import { summaryOf } from "./summary.ts";
import type { TraceJob } from "./trace.ts";

const HOUR_MS = 3_600_000;
const GRACE_H = [0, 0.25, 0.5, 1, 2, 4, 8];
const KEEP_HALF_LIFE_H = [0, 6, 24, 72];

const POINTS: LendingSettings[] = [
  ...GRACE_H.map((hours) => ({ ...DEFAULT_LENDING, graceMs: hours * HOUR_MS })),
  ...KEEP_HALF_LIFE_H.map((hours) => ({ ...DEFAULT_LENDING, keepHalfLifeMs: hours * HOUR_MS })),
];

export function printFrontier(jobs: readonly TraceJob[], quotas: ReadonlyMap<string, number>, gpus: number): void {
  for (const settings of POINTS) {
    const summary = summaryOf(simulate(jobs, quotas, hansa(settings)), jobs, gpus);
    const grace_h = settings.graceMs / HOUR_MS;
    const keep_half_life_h = settings.keepHalfLifeMs / HOUR_MS;
    progress(JSON.stringify({ frontier: { grace_h, keep_half_life_h, ...summary } }));
  }
}
