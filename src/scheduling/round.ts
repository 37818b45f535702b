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
  /** position among the jobs, oldest first */
  age: number;
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
    (job, age): Filling => ({
      job,
      slots: new Map(clusters.map((cluster) => [cluster.name, slotsIn(cluster, job)])),
      given: new Map(),
      total: 0,
      used: {},
      share: 0,
      age,
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
  // Poorest last, so that it is taken and put back at the cheap end; among equals the oldest.
  const waiting = fillings.filter((f) => f.job.remaining > 0).reverse();
  for (let poorest = waiting.pop(); poorest; poorest = waiting.pop()) {
    const room = roomFor(poorest, rooms);
    if (room === null) continue;
    give(poorest, room, chunk);
    poorest.share = dominantShare(poorest.used, league);
    if (poorest.total < poorest.job.remaining) putBack(waiting, poorest);
  }
  return fillings;
}

/** At most `chunk` slots of the room, at least one: the room has it. */
function give(filling: Filling, room: Room, chunk: number): void {
  const { job, slots, given, total } = filling;
  const before = given.get(room.name) ?? 0;
  const free = add(room.capacity, room.used, -1);
  const most = Math.min(
    chunk,
    job.remaining - total,
    (slots.get(room.name) ?? 0) - before,
    timesFits(job.demand, free),
  );
  const n = Math.max(1, most);
  room.used = add(room.used, job.demand, n);
  given.set(room.name, before + n);
  filling.total += n;
  filling.used = add(filling.used, job.demand, n);
}

/** Binary search in a list sorted by falling share. */
function putBack(waiting: Filling[], filling: Filling): void {
  let low = 0;
  let high = waiting.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    const other = waiting[mid];
    if (other && (other.share > filling.share || (other.share === filling.share && other.age > filling.age)))
      low = mid + 1;
    else high = mid;
  }
  waiting.splice(low, 0, filling);
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
