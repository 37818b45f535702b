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

type ByPlace<T> = ReadonlyMap<string, ReadonlyMap<PartitionKey, T>>;

/** What a round says of reclaim, by job and partition, in units; nothing of it: nobody is stopped. */
interface Reclaiming {
  /** tasks for which others may be stopped: for its role's own, and for its priority within the role */
  claims?: ByPlace<{ own: number; priority: number }>;
  /** attempts that may be stopped: for others' own, and for higher priority in the same role */
  yields?: ByPlace<{ lent: number; lower: number }>;
}

export function preemptedFor(job: RoundJob, input: RoundInput, result: RoundResult & Reclaiming): Preempted[] {
  const { claims = new Map(), yields = new Map() }: Reclaiming = result;
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
    stop(priority, ({ id, role }) => (role === job.role ? (yields.get(id)?.get(partition)?.lower ?? 0) : 0));
    return [...stopped].map(([{ id, role, unit }, units]) => ({ job: id, role, partition, tasks: units * unit }));
  });
}

/** So many tasks free what is missing, as far as they use any of it. */
function covering(missing: Resources, demand: Resources): number {
  const each = Object.entries(missing).map(([name, amount]) => {
    const freed = demand[name] ?? 0;
    return amount > 0 && freed > 0 ? Math.ceil(amount / freed) : 0;
  });
  return Math.max(0, ...each);
}
