/** What fits where were it empty: which nodes may take a job's tasks, and how many. */
import { isOwn, satisfies } from "../model/constraints.ts";
import { type PartitionKey, partitionKey } from "../model/partition.ts";
import { resourcesKey, timesFits } from "../model/resources.ts";
import { isWithin } from "../model/role.ts";
import type { Shape } from "../protocol/levels.ts";
import type { RoundJob, RoundPartition } from "./input.ts";
import { copiesOn } from "./packing/shape.ts";

/** What decides where a job's tasks can be; jobs that agree in it are one class. */
export type JobClass = Pick<RoundJob, "demand" | "constraints" | "role" | "driver" | "clusters">;

export const keyOf = (partition: Pick<RoundPartition, "cluster" | "name">): PartitionKey =>
  partitionKey(partition.cluster, partition.name);

/** Whether such a node takes such a task, large enough or not. A node that names a role takes all that is under it. */
export const shapeAccepts = (
  shape: Shape,
  job: Pick<JobClass, "constraints" | "role" | "driver">,
  cluster: string,
): boolean =>
  (!shape.roles || shape.roles.some((role) => isWithin(job.role, role))) &&
  shape.drivers.includes(job.driver) &&
  job.constraints.every((c) => isOwn(c) || satisfies({ ...shape.attributes, cluster }, c));

/** How many tasks of the class an empty partition holds: on its nodes, and of a slice no more than the slice. */
export function classSlots(partition: RoundPartition, job: JobClass): number {
  if (job.clusters !== null && !job.clusters.includes(partition.cluster)) return 0;
  let slots = 0;
  for (const shape of partition.shapes) {
    const each = copiesOn(job.demand, shape.capacity);
    if (each > 0 && shapeAccepts(shape, job, partition.cluster)) slots += shape.count * each;
  }
  return Math.min(slots, timesFits(job.demand, partition.usable));
}

/** The same for one job, which may be barred there, and has only so many tasks. */
export const slotsIn = (partition: RoundPartition, job: RoundJob): number =>
  job.held.get(keyOf(partition))?.barred ? 0 : Math.min(classSlots(partition, job), job.remaining);

export const classKey = (job: JobClass): string =>
  JSON.stringify([resourcesKey(job.demand), job.constraints, job.role, job.driver, job.clusters]);
