/** What each owner brings: room for its largest job, and of what is left its part of all work, rounded down. */
import { TraceError, type TraceJob } from "./trace.ts";

/** @returns sums to `gpus`: what rounding leaves is the first owner's. @throws TraceError if they don't fit */
export function quotasOf(jobs: readonly TraceJob[], gpus: number): Map<string, number> {
  const largest = new Map<string, number>();
  const work = new Map<string, number>();
  for (const { owner, size, durationMs } of jobs) {
    largest.set(owner, Math.max(largest.get(owner) ?? 0, size));
    work.set(owner, (work.get(owner) ?? 0) + size * durationMs);
  }
  const sum = (of: Map<string, number>) => [...of.values()].reduce((total, n) => total + n, 0);
  const left = gpus - sum(largest);
  if (left < 0) throw new TraceError(`needs ${sum(largest)} GPUs at least, the largest job of each owner`);
  const allWork = Math.max(1, sum(work));
  const quotas = new Map(
    [...largest].map(([owner, most]) => [owner, most + Math.floor((left * (work.get(owner) ?? 0)) / allWork)]),
  );
  const [first] = quotas.keys();
  if (first !== undefined) quotas.set(first, (quotas.get(first) ?? 0) + gpus - sum(quotas));
  return quotas;
}
