/**
 * The round: how many tasks of each job may run in each cluster at once. Pure. Progressive filling (Ghodsi et al.,
 * NSDI'11): the job with the least dominant share of the league gets the next slots, in the least loaded cluster that
 * has them. What runs is never taken away; a job above its share shrinks as its tasks end.
 */
import type { Constraint } from "../model/constraints.ts";
import { satisfies } from "../model/constraints.ts";
import { add, dominantShare, fits, type Resources, timesFits } from "../model/resources.ts";
import type { Shape } from "../protocol/levels.ts";

export interface RoundCluster {
  name: string;
  shapes: readonly Shape[];
}

export interface RoundJob {
  id: string;
  demand: Resources;
  constraints: readonly Constraint[];
  role: string;
  driver: string;
  /** null: any */
  clusters: readonly string[] | null;
  /** tasks that are not terminal */
  remaining: number;
  /** by cluster; absent: nothing there */
  held: ReadonlyMap<string, RoundHeld>;
}

export interface RoundHeld {
  /** may be running there now, whatever the new limit says */
  charged: number;
  /** does not fit there until the cluster's shapes change */
  barred: boolean;
}

export type Limits = Map<string, Map<string, number>>;

/** Steps of filling; above it slots are dealt in chunks. */
const MAX_STEPS = 4_000;

export const shapeAccepts = (
  shape: Shape,
  job: Pick<RoundJob, "constraints" | "role" | "driver">,
  cluster: string,
): boolean =>
  (!shape.roles || shape.roles.includes(job.role)) &&
  shape.drivers.includes(job.driver) &&
  job.constraints.every((c) => isOwn(c) || satisfies({ ...shape.attributes, cluster }, c));

/** Only the Cluster knows attributes that no two nodes share. */
const isOwn = (c: Constraint): boolean => c.name === "node" || c.name === "hostname";

/** Slots for a task in an empty cluster. */
export function slotsIn(cluster: RoundCluster, job: RoundJob): number {
  if (job.clusters !== null && !job.clusters.includes(cluster.name)) return 0;
  if (job.held.get(cluster.name)?.barred) return 0;
  let slots = 0;
  for (const shape of cluster.shapes) {
    if (shapeAccepts(shape, job, cluster.name))
      slots += shape.count * Math.min(timesFits(job.demand, shape.capacity), job.remaining);
  }
  return Math.min(slots, job.remaining);
}

export const capacityOf = (cluster: RoundCluster): Resources =>
  cluster.shapes.reduce((sum: Resources, shape) => add(sum, shape.capacity, shape.count), {});

interface Room {
  name: string;
  capacity: Resources;
  used: Resources;
}

interface Filling {
  job: RoundJob;
  slots: Map<string, number>;
  given: Map<string, number>;
  total: number;
  used: Resources;
  share: number;
}

/** @param jobs in order of age: ties go to the older. @returns limits > 0 by job and cluster */
export function round(clusters: readonly RoundCluster[], jobs: readonly RoundJob[]): Limits {
  const ideal = fill(clusters, jobs);
  return admit(clusters, jobs, ideal);
}

function fill(clusters: readonly RoundCluster[], jobs: readonly RoundJob[]): Filling[] {
  const rooms = clusters.map((cluster): Room => ({ name: cluster.name, capacity: capacityOf(cluster), used: {} }));
  const league = rooms.reduce((sum: Resources, room) => add(sum, room.capacity), {});
  const fillings = jobs.map(
    (job): Filling => ({
      job,
      slots: new Map(clusters.map((cluster) => [cluster.name, slotsIn(cluster, job)])),
      given: new Map(),
      total: 0,
      used: {},
      share: 0,
    }),
  );
  const slots = fillings.reduce(
    (n, f) =>
      n +
      Math.min(
        f.job.remaining,
        [...f.slots.values()].reduce((a, b) => a + b, 0),
      ),
    0,
  );
  const chunk = Math.max(1, Math.ceil(slots / MAX_STEPS));
  let active = fillings.filter((f) => f.job.remaining > 0);
  while (active.length > 0) {
    const poorest = active.reduce((a, b) => (b.share < a.share ? b : a));
    const room = roomFor(poorest, rooms);
    if (room === null) {
      active = active.filter((f) => f !== poorest);
      continue;
    }
    const free = add(room.capacity, room.used, -1);
    const most = Math.min(
      chunk,
      poorest.job.remaining - poorest.total,
      (poorest.slots.get(room.name) ?? 0) - (poorest.given.get(room.name) ?? 0),
    );
    const n = Math.max(1, Math.min(most, timesFits(poorest.job.demand, free)));
    room.used = add(room.used, poorest.job.demand, n);
    poorest.given.set(room.name, (poorest.given.get(room.name) ?? 0) + n);
    poorest.total += n;
    poorest.used = add(poorest.used, poorest.job.demand, n);
    poorest.share = dominantShare(poorest.used, league);
    if (poorest.total >= poorest.job.remaining) active = active.filter((f) => f !== poorest);
  }
  return fillings;
}

/** The least loaded cluster with a slot left; a job stays first where it already has tasks. */
function roomFor(filling: Filling, rooms: readonly Room[]): Room | null {
  let best: Room | null = null;
  let bestLoad = Number.POSITIVE_INFINITY;
  for (const room of rooms) {
    const given = filling.given.get(room.name) ?? 0;
    if (given >= (filling.slots.get(room.name) ?? 0)) continue;
    if (!fits(filling.job.demand, add(room.capacity, room.used, -1))) continue;
    const kept = given < (filling.job.held.get(room.name)?.charged ?? 0);
    const load = kept ? -1 : dominantShare(room.used, room.capacity);
    if (load < bestLoad) {
      best = room;
      bestLoad = load;
    }
  }
  return best;
}

/** Nothing is raised beyond what is free now: what may still run is charged until a report says otherwise. */
function admit(clusters: readonly RoundCluster[], jobs: readonly RoundJob[], ideal: readonly Filling[]): Limits {
  const limits: Limits = new Map(jobs.map((job) => [job.id, new Map()]));
  for (const cluster of clusters) {
    let charged: Resources = {};
    for (const { job } of ideal) charged = add(charged, job.demand, job.held.get(cluster.name)?.charged ?? 0);
    let free = add(capacityOf(cluster), charged, -1);
    for (const { job, given } of [...ideal].sort((a, b) => a.share - b.share)) {
      const wanted = given.get(cluster.name) ?? 0;
      const has = job.held.get(cluster.name)?.charged ?? 0;
      const raise = Math.max(0, Math.min(wanted - has, timesFits(job.demand, free)));
      free = add(free, job.demand, -raise);
      const limit = Math.min(wanted, has + raise);
      if (limit > 0) limits.get(job.id)?.set(cluster.name, limit);
    }
  }
  return limits;
}
