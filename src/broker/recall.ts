/**
 * Which waiting tasks a cluster has to give back: a cluster that lost most of its nodes keeps supply that its limits
 * leave no room for, while another has room for the job and no tasks. Derived anew in each round, from counts alone.
 */
import type { GrantState, JobMemory } from "./state.ts";
import { liveOf, unitOf } from "./state.ts";
import { supplySize } from "./supply.ts";

/** Tasks that may run or have room made, by cluster; 0: none. */
export type MayRun = (cluster: string) => number;

/** Tasks that a cluster has less of than may run there; of gangs whole ones. */
export function lacks(job: JobMemory, cluster: string, mayRun: MayRun): number {
  const grant = job.grants.get(cluster);
  return whole(job, mayRun(cluster) - (grant ? supplySize(grant.supply) : 0));
}

/**
 * By cluster, how many tasks of its supply shall come back; a cluster that is not named: none.
 * @param wanted tasks that clusters lack and the queue does not have
 */
export function recallsOf(job: JobMemory, wanted: number, mayRun: MayRun): Map<string, number> {
  const recalls = new Map<string, number>();
  let left = wanted;
  for (const grant of job.grants.values()) {
    const recall = Math.min(whole(job, left), whole(job, beyond(grant, mayRun)));
    if (recall > 0) recalls.set(grant.cluster, recall);
    left -= recall;
  }
  return recalls;
}

/** What waits there, and will not run there. */
const beyond = (grant: GrantState, mayRun: MayRun): number =>
  supplySize(grant.supply) - Math.max(mayRun(grant.cluster), liveOf(grant));

const whole = (job: JobMemory, tasks: number): number => {
  const unit = unitOf(job);
  return unit * Math.floor(Math.max(0, tasks) / unit);
};
