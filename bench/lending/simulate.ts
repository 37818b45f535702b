/**
 * Replays jobs against a lending policy, event by event. A job that is stopped has lost all it did and waits again with
 * its first age. The policy is not trusted: what it decides is checked, and a rule that was broken is thrown.
 */
import type { Attempt, Gang, LendingView } from "../../src/scheduling/lending/view.ts";
import { Endings } from "./endings.ts";
import { Lines } from "./lines.ts";
import { OwedWatch } from "./owed.ts";
import type { LendingPolicy } from "./policy.ts";
import type { TraceJob } from "./trace.ts";

export class RuleBroken extends Error {}

export interface Run {
  /** by job, as in the trace: time from arrival to end that it did not run, of which lost attempts are a part */
  waitsMs: number[];
  stops: number;
  /** size × time of attempts that were stopped */
  lostGpuMs: number;
  endedAtMs: number;
  /** the longest that an owner's oldest gang waited while it had room in what its owner brought */
  longestOwedMs: number;
}

export function simulate(jobs: readonly TraceJob[], quotas: ReadonlyMap<string, number>, policy: LendingPolicy): Run {
  const capacity = [...quotas.values()].reduce((sum, quota) => sum + quota, 0);
  const lines = new Lines();
  const owed = new OwedWatch();
  const endings = new Endings();
  const running = new Set<Attempt>();
  const inUse = new Map([...quotas.keys()].map((owner) => [owner, 0]));
  const waitsMs = new Array<number>(jobs.length).fill(Number.NaN);
  let free = capacity;
  let arrived = 0;
  let nowMs = 0;
  let stops = 0;
  let lostGpuMs = 0;
  let endedAtMs = 0;
  let againAtMs: number | null = null;

  const use = ({ owner, size }: Gang, sign: 1 | -1) => {
    inUse.set(owner, (inUse.get(owner) ?? 0) + sign * size);
    free -= sign * size;
  };
  const stop = (attempt: Attempt) => {
    if (!running.delete(attempt)) throw new RuleBroken(`job ${attempt.gang.id} is stopped but does not run`);
    use(attempt.gang, -1);
    stops++;
    lostGpuMs += attempt.gang.size * (nowMs - attempt.startedAtMs);
    lines.add(attempt.gang);
  };
  const start = (gang: Gang) => {
    if (!lines.remove(gang)) throw new RuleBroken(`job ${gang.id} is started but does not wait`);
    if (gang.size > free)
      throw new RuleBroken(`job ${gang.id} wants ${gang.size}, and ${free} of ${capacity} are free`);
    const attempt: Attempt = { gang, startedAtMs: nowMs };
    use(gang, 1);
    running.add(attempt);
    endings.add({ atMs: nowMs + (jobs[gang.id] as TraceJob).durationMs, attempt });
  };
  const end = ({ attempt, atMs }: { attempt: Attempt; atMs: number }) => {
    endings.removeFirst();
    if (!running.delete(attempt)) return;
    use(attempt.gang, -1);
    const { id, queuedAtMs, durationMs } = jobs[attempt.gang.id] as TraceJob;
    if (!Number.isNaN(waitsMs[id])) throw new RuleBroken(`job ${id} ended twice`);
    waitsMs[id] = atMs - queuedAtMs - durationMs;
    endedAtMs = atMs;
    policy.ended?.(attempt, atMs);
  };

  const viewNow = (): LendingView => ({ nowMs, free, quotas, inUse, lines: lines.all, attempts: [...running] });

  for (;;) {
    for (let next = endings.first(); next && !running.has(next.attempt); next = endings.first()) endings.removeFirst();
    const arrivesAtMs = jobs[arrived]?.queuedAtMs ?? Number.POSITIVE_INFINITY;
    const endsAtMs = endings.first()?.atMs ?? Number.POSITIVE_INFINITY;
    const nextMs = Math.min(arrivesAtMs, endsAtMs, againAtMs ?? Number.POSITIVE_INFINITY);
    if (nextMs === Number.POSITIVE_INFINITY) break;
    nowMs = nextMs;
    for (let next = endings.first(); next?.atMs === nowMs; next = endings.first()) end(next);
    for (let job = jobs[arrived]; job?.queuedAtMs === nowMs; job = jobs[++arrived]) {
      const { id, owner, size, queuedAtMs } = job;
      lines.add({ id, owner, size, queuedAtMs });
    }
    const decision = policy.decide(viewNow());
    for (const attempt of decision.stop) stop(attempt);
    for (const gang of decision.start) start(gang);
    owed.look(viewNow());
    againAtMs = decision.againAtMs;
    if (againAtMs !== null && againAtMs <= nowMs) throw new RuleBroken("would decide again without time passing");
  }
  const left = waitsMs.findIndex((wait) => Number.isNaN(wait));
  if (left >= 0) throw new RuleBroken(`job ${left} never ended`);
  return { waitsMs, stops, lostGpuMs, endedAtMs, longestOwedMs: owed.longestMs };
}
