/**
 * What is given back to the Broker, and where it would not run: that holds for the nodes as they were then, and a return
 * is repeated until it is heard, which may be when they are others.
 */
import type { Returned } from "../protocol/levels.ts";
import type { ClusterMemory } from "./memory.ts";
import type { JobState } from "./state.ts";

/** Gives it back, together with what was given back before. */
export function addReturned(memory: ClusterMemory, job: JobState, returned: readonly Returned[]): void {
  job.returned = [...returnedBy(memory, job), ...returned];
  job.returnedUnder = memory.nodeAccounts.nodesVersion;
}

/** As it is to be told now: of nodes that have changed since nothing is said. */
export function returnedBy({ nodeAccounts }: ClusterMemory, job: JobState): Returned[] {
  if (job.returnedUnder === nodeAccounts.nodesVersion) return job.returned;
  return job.returned.map((entry) => (entry.partitions === undefined ? entry : { ...entry, partitions: [] }));
}
