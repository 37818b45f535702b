/** What fits where were it empty: which nodes may take a job's tasks, and how many of its units. */
import { isOwn, satisfies } from "../model/constraints.ts";
import { type PartitionKey, partitionKey } from "../model/partition.ts";
import { add, type Resources, resourcesKey, timesFits } from "../model/resources.ts";
import { isWithin } from "../model/role.ts";
import type { Shape } from "../protocol/levels.ts";
import type { RoundInput, RoundJob, RoundPartition } from "./input.ts";
import { copiesOn } from "./packing/shape.ts";

/** What decides where a job's tasks can be; jobs that agree in it are one class. */
export type JobClass = Pick<
  RoundJob,
  "unit" | "demand" | "constraints" | "role" | "driver" | "clusters" | "apart" | "preferences" | "priority"
>;

export const keyOf = (partition: Pick<RoundPartition, "cluster" | "name">): PartitionKey =>
  partitionKey(partition.cluster, partition.name);

/** By tasks of frameworks, in a partition. */
export const usedByFrameworks = ({ frameworks = [] }: RoundInput, key: PartitionKey): Resources =>
  frameworks.reduce((sum: Resources, { used }) => add(sum, used.get(key) ?? {}), {});

/** Whether such a node takes such a task, large enough or not. A node that names a role takes all that is under it. */
export const shapeAccepts = (
  shape: Shape,
  job: Pick<JobClass, "constraints" | "role" | "driver">,
  cluster: string,
): boolean =>
  (!shape.roles || shape.roles.some((role) => isWithin(job.role, role))) &&
  shape.drivers.includes(job.driver) &&
  job.constraints.every((c) => isOwn(c) || satisfies({ ...shape.attributes, cluster }, c));

/** What a node must have for one task. */
export function taskDemand({ unit, demand }: Pick<RoundJob, "unit" | "demand">): Resources {
  if (unit === 1) return demand;
  return Object.fromEntries(Object.entries(demand).map(([name, amount]) => [name, amount / unit]));
}

/** How many units of the class an empty partition holds: their tasks on its nodes, and of a slice no more than the slice. */
export function classSlots(partition: RoundPartition, job: JobClass): number {
  const units = Math.floor(taskSlots(partition, job) / job.unit);
  return Math.min(units, timesFits(job.demand, partition.usable));
}

/** How many tasks of the class the nodes of a partition hold, were they empty. */
export function taskSlots(partition: RoundPartition, job: JobClass): number {
  const { cluster } = partition;
  if (job.clusters !== null && !job.clusters.includes(cluster)) return 0;
  const demand = taskDemand(job);
  const isAlone = job.apart.some((over) => isOwn({ name: over }));
  const fitting: Shape[] = [];
  let slots = 0;
  for (const shape of partition.shapes) {
    const each = copiesOn(demand, shape.capacity);
    if (each === 0 || !shapeAccepts(shape, job, cluster)) continue;
    fitting.push(shape);
    slots += shape.count * (isAlone ? 1 : each);
  }
  for (const over of job.apart) {
    if (!isOwn({ name: over })) slots = Math.min(slots, valuesOf(over, fitting, cluster));
  }
  return slots;
}

/** What the best of the nodes that could run it is worth to the class, by its preferences. */
export function classWorth(partition: RoundPartition, job: JobClass): number {
  let best = Number.NEGATIVE_INFINITY;
  for (const shape of partition.shapes) {
    if (copiesOn(taskDemand(job), shape.capacity) === 0 || !shapeAccepts(shape, job, partition.cluster)) continue;
    const attributes = { ...shape.attributes, cluster: partition.cluster };
    let worth = 0;
    for (const { rule, weight } of job.preferences) if (!isOwn(rule) && satisfies(attributes, rule)) worth += weight;
    best = Math.max(best, worth);
  }
  return Number.isFinite(best) ? best : 0;
}

/** How many different values of an attribute the nodes have; those without it are alike. */
const valuesOf = (over: string, shapes: readonly Shape[], cluster: string): number =>
  new Set(shapes.map(({ attributes }) => (over === "cluster" ? cluster : (attributes[over] ?? "")))).size;

/** The same for one job, which may be barred there, and has only so many units. */
export const slotsIn = (partition: RoundPartition, job: RoundJob): number =>
  job.held.get(keyOf(partition))?.barred ? 0 : Math.min(classSlots(partition, job), job.remaining);

export const classKey = (job: JobClass): string =>
  JSON.stringify([
    resourcesKey(job.demand),
    job.constraints,
    job.role,
    job.driver,
    job.clusters,
    job.unit,
    job.apart,
    job.preferences,
    job.priority,
  ]);
