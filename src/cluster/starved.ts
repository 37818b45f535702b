/** Why granted work finds no place in this cluster right now. */
import { add, fits, type Resources, subtract } from "../model/resources.ts";
import { accepts, type PlaceNode } from "../scheduling/place.ts";
import { canRunHere } from "./ends.ts";
import type { ClusterMemory } from "./memory.ts";
import type { JobState } from "./state.ts";

export type Starved = "no-nodes" | "paused" | "does-not-fit" | "refused" | "fragmented" | "space";

export function starvedBy(memory: ClusterMemory, job: JobState, now: number): Starved {
  const known = [...memory.nodes.values()].filter((node) => !node.removed && !memory.isSuspect(node, now));
  if (memory.upNodes(now).length === 0) return known.length > 0 ? "paused" : "no-nodes";
  if (!canRunHere(memory, job, now)) return job.refusedBy.size > 0 ? "refused" : "does-not-fit";
  const free = candidates(memory, job, now).map((node) => subtract(node.capacity, node.used));
  const sum = free.reduce((all: Resources, one) => add(all, one), {});
  return fits(job.template.resources, sum) && !free.some((one) => fits(job.template.resources, one))
    ? "fragmented"
    : "space";
}

/** Whether a node that is up has room for it now. */
export const fitsNow = (memory: ClusterMemory, job: JobState, now: number): boolean =>
  candidates(memory, job, now).some((node) => fits(job.template.resources, subtract(node.capacity, node.used)));

function candidates(memory: ClusterMemory, job: JobState, now: number): PlaceNode[] {
  const { resources, role, driver } = job.template;
  const wanted = { demand: resources, constraints: job.constraints, role, driver, refusedBy: job.refusedBy };
  return memory
    .placeNodes(now)
    .filter((node) => node.partitions.some((name) => (job.limits[name] ?? 0) > 0))
    .filter((node) => accepts(node, wanted));
}
