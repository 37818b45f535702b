/**
 * Makes room for those who have a right to it and waited for the grace: the attempts whose loss is least, on one node,
 * are told to stop, and what they free is kept until the claimant starts there. Which may be stopped, and for how many,
 * the Broker has said; which are is decided here. What an attempt would lose is its run time, times the largest part of
 * its node that it has.
 */
import { dominantShare, type Resources, subtract } from "../model/resources.ts";
import { type Candidate, chooseSite, type Site } from "../scheduling/reclaim.ts";
import { stopLive } from "./ends.ts";
import { returnWaiting } from "./grants.ts";
import { accounts } from "./levels.ts";
import { keepMade, letGoMade } from "./madePlaces.ts";
import type { ClaimKind, Made } from "./making.ts";
import type { ClusterMemory } from "./memory.ts";
import { fitsNow } from "./starved.ts";
import { claimIn, claimOf, type JobState, type Live, limitOf, stockSize } from "./state.ts";

/** What room was made for starts as soon as the Broker has heard of it; else others may have it. */
const KEPT_MS = 60_000;
/** A claim for which no node has enough that may be stopped is given back after so long. */
const IN_VAIN_RETURN_MS = 15_000;
/** Tasks that room is made for in one turn. */
const MOST_AT_ONCE = 100;

/** An attempt, or all of a gang: it is stopped as a whole. */
interface Unit extends Candidate {
  lives: readonly Live[];
}

interface Claimant {
  job: JobState;
  kind: ClaimKind;
  partition: string;
  dueAt: number;
}

export function makeRoom(memory: ClusterMemory, now: number): void {
  const { making } = memory;
  making.nextAt = null;
  for (const made of making.places) renew(memory, made, now);
  const claimants = claimantsOf(memory, now);
  let left = MOST_AT_ONCE;
  for (const claimant of claimants) {
    if (claimant.dueAt > now) wakeAt(memory, claimant.dueAt);
    else left -= serve(memory, claimant, left, now);
  }
  for (const name of making.nodes()) memory.keepRoom(name);
}

function wakeAt({ making }: ClusterMemory, at: number): void {
  making.nextAt = Math.min(making.nextAt ?? at, at);
}

/** Lets a place go that nobody waits for any more, or not here. */
function renew(memory: ClusterMemory, made: Made, now: number): void {
  const { making } = memory;
  const { job, partition } = made;
  const node = memory.nodes.get(made.node);
  const wanted = Math.min(openIn(job, partition), waitingOf(job));
  const isWanted =
    memory.jobs.get(job.id) === job && job.action === "run" && making.of(job.id, partition).length <= wanted;
  if (isWanted && node && memory.isUp(node, now) && !job.refusedBy.has(made.node)) {
    const place = keepMade(memory, made, now);
    if (made.goneAt === null) return;
    if (place && now - made.goneAt < KEPT_MS) {
      wakeAt(memory, made.goneAt + KEPT_MS);
      return;
    }
  }
  letGoMade(memory, made);
  memory.freed += 1;
  if (job.dirty === "no") job.dirty = "soon";
}

/** Tasks of the job that may still start there, now or when room was made for them. */
const openIn = (job: JobState, partition: string): number =>
  (job.limits[partition] ?? 0) + claimIn(job, partition) - liveIn(job, partition);

const liveIn = (job: JobState, partition: string): number => {
  let live = 0;
  for (const one of job.live.values()) if (one.partition === partition) live += 1;
  return live;
};

const waitingOf = (job: JobState): number => stockSize(job.fresh) + job.retry.size;

/** What is due as one's own first; then the highest priority, then the oldest. */
function claimantsOf(memory: ClusterMemory, now: number): Claimant[] {
  const claimants: Claimant[] = [];
  for (const job of memory.jobs.values()) {
    const { claim, template } = job;
    // All places of a gang at once are not to be had by stopping one after the other.
    if (claim === null || job.action !== "run" || template.gang !== null || waitingOf(job) === 0) continue;
    for (const kind of ["own", "priority"] as const) {
      for (const [partition, count] of Object.entries(claim[kind])) {
        if (count === 0) continue;
        const since = memory.making.since(job.id, kind, partition, now);
        claimants.push({ job, kind, partition, dueAt: since + claim.graceMs });
      }
    }
  }
  memory.making.keepSince((id, kind, partition) =>
    claimants.some((one) => one.job.id === id && one.kind === kind && one.partition === partition),
  );
  const isOwn = (one: Claimant) => (one.kind === "own" ? 0 : 1);
  return claimants.sort((a, b) => isOwn(a) - isOwn(b) || b.job.template.priority - a.job.template.priority);
}

/** @returns for how many tasks room is being made */
function serve(memory: ClusterMemory, claimant: Claimant, most: number, now: number): number {
  const { job, kind, partition } = claimant;
  const { making } = memory;
  let served = 0;
  while (served < most) {
    if (isServed(memory, claimant)) return served;
    const { units, youngestMs } = victimsFor(memory, claimant, now);
    const chosen = units.size === 0 ? null : chooseSite(sitesOf(memory, claimant, units, now), termsOf(job, now));
    if (chosen === null) {
      inVain(memory, claimant, youngestMs, now);
      return served;
    }
    const victims = chosen.victims.flatMap(({ lives }) => lives);
    for (const victim of victims) stopLive(memory, victim, "reclaimed");
    making.add({ job, kind, partition, node: chosen.node, victims });
    memory.keepRoom(chosen.node);
    job.dirty = "now";
    tell(memory, claimant, victims);
    served += 1;
  }
  return served;
}

/** Room is made for all that it claims, or what waits has room already. */
function isServed({ making }: ClusterMemory, { job, kind, partition }: Claimant): boolean {
  const made = making.of(job.id, partition);
  const granted = Math.max(0, (job.limits[partition] ?? 0) - liveIn(job, partition));
  // What limits allow it first looks for a place of its own.
  if (granted > made.length && job.starvedAt === null) return true;
  const ahead = made.length - Math.min(made.length, granted);
  const waiting = waitingOf(job) - granted - grantedElsewhere(job, partition);
  const other = made.filter((one) => one.kind !== kind).length;
  return waiting <= ahead || ahead - Math.min(ahead, other) >= (job.claim?.[kind][partition] ?? 0);
}

const termsOf = (job: JobState, nowMs: number) => ({ nowMs, minRunMs: job.claim?.minRunMs ?? 0 });

/** Tasks that have room by limits in other partitions. */
function grantedElsewhere(job: JobState, partition: string): number {
  let granted = 0;
  for (const [name, limit] of Object.entries(job.limits))
    if (name !== partition) granted += Math.max(0, limit - liveIn(job, name));
  return granted;
}

/** Nobody may be stopped, or not enough on any node: waits until attempts have run for long enough, then gives it back. */
function inVain(
  memory: ClusterMemory,
  { job, partition, dueAt }: Claimant,
  youngestMs: number | null,
  now: number,
): void {
  const minRunMs = job.claim?.minRunMs ?? 0;
  if (youngestMs !== null && youngestMs + minRunMs > now) {
    wakeAt(memory, youngestMs + minRunMs);
    return;
  }
  const isMaking = memory.making.of(job.id, partition).length > 0;
  if (isMaking || limitOf(job) > job.live.size || claimOf(job) > claimIn(job, partition)) return;
  // A node has room by now: as soon as the Broker hears of it, it starts.
  if (fitsNow(memory, job, now, [partition])) return;
  if (now < dueAt + IN_VAIN_RETURN_MS) wakeAt(memory, dueAt + IN_VAIN_RETURN_MS);
  else returnWaiting(memory, job, "fragmented", undefined, [partition]);
}

/** By node, what may be stopped there for the claimant; and when the youngest of all that may be has started. */
function victimsFor(
  memory: ClusterMemory,
  { job, kind, partition }: Claimant,
  now: number,
): { units: Map<string, Unit[]>; youngestMs: number | null } {
  const units = new Map<string, Unit[]>();
  let youngestMs: number | null = null;
  const minRunMs = job.claim?.minRunMs ?? 0;
  for (const victim of memory.jobs.values()) {
    const most = yieldsOf(victim, job, kind, partition);
    if (most <= 0) continue;
    const own = unitsOf(memory, victim, partition, now);
    for (const { startedAtMs } of own) youngestMs = Math.max(youngestMs ?? startedAtMs, startedAtMs);
    for (const [node, those] of byNode(own.filter(({ startedAtMs }) => now - startedAtMs >= minRunMs))) {
      // No more of one job than it yields: those that lose least.
      let left = most;
      const some = those
        .sort((a, b) => a.loss - b.loss)
        .filter(({ lives }) => {
          left -= lives.length;
          return left >= 0;
        });
      units.set(node, [...(units.get(node) ?? []), ...some]);
    }
  }
  return { units, youngestMs };
}

/** How many attempts of the job may still be stopped for the claimant. */
function yieldsOf(victim: JobState, job: JobState, kind: ClaimKind, partition: string): number {
  const { yields, template } = victim;
  if (yields === null || victim === job || victim.action !== "run") return 0;
  if (kind === "priority" && (template.role !== job.template.role || template.priority >= job.template.priority))
    return 0;
  let runs = 0;
  for (const live of victim.live.values()) if (live.partition === partition && live.stopping === null) runs += 1;
  const told = kind === "own" ? yields.lent : yields.lower;
  return Math.min(told[partition] ?? 0, runs - (yields.keep[partition] ?? 0));
}

function unitsOf(memory: ClusterMemory, job: JobState, partition: string, now: number): Unit[] {
  const { gang, resources } = job.template;
  const gangs = new Map<number, Live[]>();
  for (const live of job.live.values()) {
    const key = gang === null ? live.index : Math.floor(live.index / gang.size);
    gangs.set(key, [...(gangs.get(key) ?? []), live]);
  }
  const units: Unit[] = [];
  for (const lives of gangs.values()) {
    if (lives.some((live) => live.stopping !== null || live.partition !== partition)) continue;
    const loss = lives.reduce((sum, live) => sum + lossOf(memory, live, now), 0);
    units.push({ lives, loss, frees: resources, startedAtMs: Math.max(...lives.map(({ assignedAt }) => assignedAt)) });
  }
  return units;
}

function lossOf(memory: ClusterMemory, { node, assignedAt, job }: Live, now: number): number {
  const capacity = memory.nodes.get(node)?.inventory?.capacity ?? {};
  return Math.max(0, now - assignedAt) * dominantShare(job.template.resources, capacity);
}

/** A gang is on several, and frees on each what it has there. */
function byNode(units: readonly Unit[]): Map<string, Unit[]> {
  const there = new Map<string, Unit[]>();
  for (const unit of units) {
    const counts = new Map<string, number>();
    for (const { node } of unit.lives) counts.set(node, (counts.get(node) ?? 0) + 1);
    for (const [node, count] of counts) {
      const frees: Record<string, number> = {};
      for (const [name, amount] of Object.entries(unit.frees)) frees[name] = amount * count;
      there.set(node, [...(there.get(node) ?? []), { ...unit, frees }]);
    }
  }
  return there;
}

function* sitesOf(
  memory: ClusterMemory,
  { job, partition }: Claimant,
  units: ReadonlyMap<string, readonly Unit[]>,
  now: number,
): Generator<Site<Unit>> {
  const { placer } = memory;
  const spare = job.claim?.inKind ? {} : spareIn(memory, partition, now);
  const open = new Set<string>();
  for (const { name, partitions } of placer.accepting(job.asked)) if (partitions.includes(partition)) open.add(name);
  for (const [name, candidates] of units) {
    const node = memory.nodes.get(name);
    if (!open.has(name) || !node || !memory.isUp(node, now) || job.refusedBy.has(name)) continue;
    yield {
      node: name,
      candidates,
      missing: lacking(job.template.resources, placer.freeOn(name), spare),
      fitsWithout: (victims) => {
        const gone = victims.flatMap(({ lives }) => lives.filter((live) => live.node === name));
        return placer.fitsWithout(
          job.asked,
          name,
          gone.map((live) => ({ asked: live.job.asked, place: live })),
        );
      },
    };
  }
}

/** What is free beside a victim counts as far as nobody else was promised it. */
function lacking(demand: Resources, free: Resources, spare: Resources): Resources {
  const missing: Record<string, number> = {};
  for (const [name, amount] of Object.entries(demand)) {
    const usable = Math.min(free[name] ?? 0, spare[name] ?? 0);
    missing[name] = amount - Math.min(amount, Math.max(0, usable), free[name] ?? 0);
  }
  return missing;
}

/** What is free in the partition, and kept for nobody, beyond what limits let others take of it. */
function spareIn(memory: ClusterMemory, partition: string, now: number): Resources {
  let spare = accounts(memory, now).get(partition)?.free ?? {};
  for (const job of memory.jobs.values()) {
    const open = Math.min((job.limits[partition] ?? 0) - liveIn(job, partition), waitingOf(job));
    for (let n = 0; n < Math.min(open, MOST_AT_ONCE); n += 1) spare = subtract(spare, job.template.resources);
  }
  return spare;
}

/** An event for each job that loses tasks. */
function tell(memory: ClusterMemory, { job, kind, partition }: Claimant, victims: readonly Live[]): void {
  const counts = new Map<string, number>();
  for (const victim of victims) counts.set(victim.job.id, (counts.get(victim.job.id) ?? 0) + 1);
  const { role, priority } = job.template;
  const why = kind === "own" ? `role ${role}, whose own it is` : `priority ${priority} in role ${role}`;
  for (const [id, count] of counts) {
    const what = count === 1 ? "1 task" : `${count} tasks`;
    memory.events.push({
      type: "task.reclaimed",
      job: id,
      detail: `${what} in ${partition} stopped for ${job.id}: ${why}`,
    });
  }
}
