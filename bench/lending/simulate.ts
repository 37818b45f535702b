/**
 * Replays jobs against a lending policy, event by event. A job that is stopped has lost all it did and waits again with
 * its first age. The policy is not trusted: what it decides is checked, and a rule that was broken is thrown.
 */
import type { Attempt, Gang, LendingPolicy, LendingView } from "../../src/scheduling/lending/view.ts";
import { Endings } from "./endings.ts";
import { Lines } from "./lines.ts";
import type { TraceJob } from "./trace.ts";

export class RuleBroken extends Error {}

export interface Run {
  /** by job, as in the trace: time from arrival to end that it did not run, of which lost attempts are a part */
  waitsS: number[];
  stops: number;
  /** size × time of attempts that were stopped */
  lostGpuS: number;
  endedAtS: number;
}

export function simulate(jobs: readonly TraceJob[], quotas: ReadonlyMap<string, number>, policy: LendingPolicy): Run {
  const capacity = [...quotas.values()].reduce((sum, quota) => sum + quota, 0);
  const lines = new Lines();
  const endings = new Endings();
  const running = new Set<Attempt>();
  const inUse = new Map([...quotas.keys()].map((owner) => [owner, 0]));
  const waitsS = new Array<number>(jobs.length).fill(Number.NaN);
  let free = capacity;
  let arrived = 0;
  let nowS = 0;
  let stops = 0;
  let lostGpuS = 0;
  let endedAtS = 0;
  let againAtS: number | null = null;

  const use = ({ owner, size }: Gang, sign: 1 | -1) => {
    inUse.set(owner, (inUse.get(owner) ?? 0) + sign * size);
    free -= sign * size;
  };
  const stop = (attempt: Attempt) => {
    if (!running.delete(attempt)) throw new RuleBroken(`job ${attempt.gang.id} is stopped but does not run`);
    use(attempt.gang, -1);
    stops++;
    lostGpuS += attempt.gang.size * (nowS - attempt.startedAtS);
    lines.add(attempt.gang);
  };
  const start = (gang: Gang) => {
    if (!lines.remove(gang)) throw new RuleBroken(`job ${gang.id} is started but does not wait`);
    if (gang.size > free)
      throw new RuleBroken(`job ${gang.id} wants ${gang.size}, and ${free} of ${capacity} are free`);
    const attempt: Attempt = { gang, startedAtS: nowS };
    use(gang, 1);
    running.add(attempt);
    endings.add({ atS: nowS + (jobs[gang.id] as TraceJob).durationS, attempt });
  };
  const end = ({ attempt, atS }: { attempt: Attempt; atS: number }) => {
    endings.removeFirst();
    if (!running.delete(attempt)) return;
    use(attempt.gang, -1);
    const { id, queuedAtS, durationS } = jobs[attempt.gang.id] as TraceJob;
    if (!Number.isNaN(waitsS[id])) throw new RuleBroken(`job ${id} ended twice`);
    waitsS[id] = atS - queuedAtS - durationS;
    endedAtS = atS;
    policy.ended?.(attempt, atS);
  };

  for (;;) {
    for (let next = endings.first(); next && !running.has(next.attempt); next = endings.first()) endings.removeFirst();
    const arrivesAtS = jobs[arrived]?.queuedAtS ?? Number.POSITIVE_INFINITY;
    const endsAtS = endings.first()?.atS ?? Number.POSITIVE_INFINITY;
    const nextS = Math.min(arrivesAtS, endsAtS, againAtS ?? Number.POSITIVE_INFINITY);
    if (nextS === Number.POSITIVE_INFINITY) break;
    nowS = nextS;
    for (let next = endings.first(); next?.atS === nowS; next = endings.first()) end(next);
    for (let job = jobs[arrived]; job?.queuedAtS === nowS; job = jobs[++arrived]) {
      const { id, owner, size, queuedAtS } = job;
      lines.add({ id, owner, size, queuedAtS });
    }
    const view: LendingView = { nowS, free, quotas, inUse, lines: lines.all, attempts: [...running] };
    const decision = policy.decide(view);
    for (const attempt of decision.stop) stop(attempt);
    for (const gang of decision.start) start(gang);
    againAtS = decision.againAtS;
    if (againAtS !== null && againAtS <= nowS) throw new RuleBroken("would decide again without time passing");
  }
  const left = waitsS.findIndex((wait) => Number.isNaN(wait));
  if (left >= 0) throw new RuleBroken(`job ${left} never ended`);
  return { waitsS, stops, lostGpuS, endedAtS };
}
