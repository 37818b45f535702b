/**
 * Whose tasks may be stopped for one job: of those that may be stopped at all where it has a claim, the youngest jobs'
 * first, as many as make the room. A forecast by job: which attempts these are, and if any, is for the Cluster to say.
 */
import type { PartitionKey } from "../../model/partition.ts";
import { add, type Resources } from "../../model/resources.ts";
import type { RoundInput, RoundJob, RoundResult } from "../input.ts";

export interface Preempted {
  job: string;
  role: string;
  partition: PartitionKey;
  tasks: number;
}

export function preemptedFor(
  job: RoundJob,
  input: RoundInput,
  { claims, yields }: Pick<RoundResult, "claims" | "yields">,
): Preempted[] {
  const youngestFirst = input.jobs.filter(({ id }) => id !== job.id).reverse();
  return [...(claims.get(job.id) ?? [])].flatMap(([partition, { own, priority }]) => {
    const stopped = new Map<RoundJob, number>();
    const stop = (tasks: number, mayStop: (other: RoundJob) => number) => {
      let missing = add({}, job.demand, tasks);
      for (const other of youngestFirst) {
        const before = stopped.get(other) ?? 0;
        const n = Math.min(Math.max(0, mayStop(other) - before), covering(missing, other.demand));
        if (n === 0) continue;
        stopped.set(other, before + n);
        missing = add(missing, other.demand, -n);
      }
    };
    stop(own, ({ id }) => yields.get(id)?.get(partition)?.lent ?? 0);
    stop(priority, (other) => (isLower(other, job) ? (yields.get(other.id)?.get(partition)?.lower ?? 0) : 0));
    return [...stopped].map(([{ id, role, unit }, units]) => ({ job: id, role, partition, tasks: units * unit }));
  });
}

const isLower = (other: RoundJob, { role, priority }: RoundJob): boolean =>
  other.role === role && other.priority < priority;

/** So many tasks free what is missing, as far as they use any of it. */
function covering(missing: Resources, demand: Resources): number {
  const each = Object.entries(missing).map(([name, amount]) => {
    const freed = demand[name] ?? 0;
    return amount > 0 && freed > 0 ? Math.ceil(amount / freed) : 0;
  });
  return Math.max(0, ...each);
}
