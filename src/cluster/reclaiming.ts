/**
 * Makes room for those who have a right to it and waited for the grace: the attempts whose loss is least, on one node,
 * are told to stop, and what they free is kept until the claimant starts there. Which may be stopped, and for how many,
 * the Broker has said; which are is decided here. Nobody is stopped where there is room by now: that is kept instead.
 */
import { add, fits, type Resources, subtract } from "../model/resources.ts";
import { chooseSite } from "../scheduling/reclaim.ts";
import { couldRun, stopLive } from "./ends.ts";
import { returnWaiting } from "./grants.ts";
import { accounts } from "./levels.ts";
import { keepMade, letGoMade } from "./madePlaces.ts";
import { keptFor, type Made } from "./making.ts";
import type { ClusterMemory } from "./memory.ts";
import { fitsNow } from "./starved.ts";
import { claimIn, claimOf, type JobState, type Live, limitOf, liveCounts, stockSize } from "./state.ts";
import { type Choice, type Claimant, Victims } from "./victims.ts";

/** What room was made for starts as soon as the Broker has heard of it; else others may have it. */
const KEPT_MS = 60_000;
/** A claim for which no node has enough that may be stopped is given back after so long. */
const IN_VAIN_RETURN_MS = 15_000;
/** Tasks that room is made for in one turn. */
const MOST_AT_ONCE = 100;

/** What all claims of a turn share. */
interface Turn {
  memory: ClusterMemory;
  now: number;
  victims: Victims;
  /** by partition, what is free, and kept for nobody, beyond what limits let others take of it */
  spare: Map<string, Resources>;
  /** by partition, attempts that were stopped for some claim, while for whose is not known any more */
  unclaimed: ReadonlyMap<string, number>;
  /** claims for which nothing can be done */
  vain: Claimant[];
}

export function makeRoom(memory: ClusterMemory, now: number): void {
  const { making } = memory;
  making.nextAt = null;
  for (const made of making.places) renew(memory, made, now);
  const due: Claimant[] = [];
  for (const claimant of claimantsOf(memory, now)) {
    if (claimant.dueAt > now) wakeAt(memory, claimant.dueAt);
    else due.push(claimant);
  }
  if (due.length > 0) serveAll(memory, due, now);
  for (const name of making.nodes()) memory.keepRoom(name);
}

function serveAll(memory: ClusterMemory, due: readonly Claimant[], now: number): void {
  const victims = new Victims(memory, now);
  const turn: Turn = { memory, now, victims, spare: new Map(), unclaimed: unclaimedIn(memory, now), vain: [] };
  let left = MOST_AT_ONCE;
  for (const claimant of due) left -= serve(turn, claimant, left);
  for (const [job, claimants] of Map.groupBy(turn.vain, (one) => one.job)) giveBack(memory, job, claimants);
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
    const isOver = now - made.goneAt >= KEPT_MS;
    if (place && !isOver) {
      wakeAt(memory, made.goneAt + KEPT_MS);
      return;
    }
    if (isOver) making.lapse(made);
  }
  letGoMade(memory, made);
  memory.freed += 1;
  if (job.dirty === "no") job.dirty = "soon";
}

/** Tasks of the job that may still start there, now or when room was made for them. */
const openIn = (job: JobState, partition: string): number =>
  (job.limits[partition] ?? 0) + claimIn(job, partition) - liveIn(job, partition);

const liveIn = (job: JobState, partition: string): number => {
  return liveCounts(job)[partition] ?? 0;
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
function serve(turn: Turn, claimant: Claimant, most: number): number {
  const { memory } = turn;
  const { job, kind, partition } = claimant;
  if (memory.making.hasLapsed(job, kind, partition)) {
    turn.vain.push(claimant);
    return 0;
  }
  let choice: Choice | null = null;
  let served = 0;
  while (served < most && !isServed(turn, claimant)) {
    served += 1;
    if (keepFree(turn, claimant)) continue;
    choice ??= turn.victims.for(claimant);
    if (!stopFor(turn, claimant, choice)) {
      if (isInVain(turn, claimant, choice)) turn.vain.push(claimant);
      return served - 1;
    }
  }
  return served;
}

/** Room is made for all that it claims, or what waits has room already. */
function isServed({ memory, unclaimed }: Turn, { job, kind, partition }: Claimant): boolean {
  const made = memory.making.of(job.id, partition);
  const granted = Math.max(0, (job.limits[partition] ?? 0) - liveIn(job, partition));
  // What limits allow it first looks for a place of its own.
  if (granted > made.length && job.starvedAt === null) return true;
  const ahead = made.length - Math.min(made.length, granted) + (unclaimed.get(partition) ?? 0);
  const waiting = waitingOf(job) - granted - grantedElsewhere(job, partition);
  const other = made.filter((one) => one.kind !== kind).length;
  return waiting <= ahead || ahead - Math.min(ahead, other) >= (job.claim?.[kind][partition] ?? 0);
}

/** Tasks that have room by limits in other partitions. */
function grantedElsewhere(job: JobState, partition: string): number {
  let granted = 0;
  for (const [name, limit] of Object.entries(job.limits))
    if (name !== partition) granted += Math.max(0, limit - liveIn(job, name));
  return granted;
}

/** A node has room for a task by now that nobody else was promised. @returns whether it is kept */
function keepFree(turn: Turn, { job, kind, partition }: Claimant): boolean {
  const { memory, now } = turn;
  const spare = spareIn(turn, partition);
  if (job.claim?.inKind || !fits(job.template.resources, spare)) return false;
  for (const { name } of couldRun(memory, job, now, [partition])) {
    if (!memory.placer.fits(job.asked, name)) continue;
    const made = memory.making.add({ job, kind, partition, node: name, victims: [] });
    if (keepMade(memory, made, now)) {
      turn.spare.set(partition, subtract(spare, job.template.resources));
      wakeAt(memory, now + KEPT_MS);
      job.dirty = "now";
      return true;
    }
    letGoMade(memory, made);
  }
  return false;
}

/** @returns whether there are enough that may be stopped, on one node */
function stopFor(turn: Turn, claimant: Claimant, choice: Choice): boolean {
  const { memory, now } = turn;
  const { job, kind, partition } = claimant;
  const spare = spareIn(turn, partition);
  const chosen = chooseSite(choice.sites(job.claim?.inKind ? {} : spare), {
    nowMs: now,
    minRunMs: job.claim?.minRunMs ?? 0,
  });
  if (chosen === null) return false;
  const victims = chosen.victims.flatMap(({ lives }) => lives);
  for (const victim of victims) stopLive(memory, victim, "reclaimed");
  const made = memory.making.add({ job, kind, partition, node: chosen.node, victims });
  memory.keepRoom(chosen.node);
  turn.spare.set(partition, subtract(spare, keptFor(made)));
  job.dirty = "now";
  tell(memory, claimant, victims);
  return true;
}

/** Nobody may be stopped, or not enough on any node; and it has waited until attempts had run for long enough. */
function isInVain({ memory, now }: Turn, { job, partition, dueAt }: Claimant, { youngestMs }: Choice): boolean {
  const oldEnoughAt = (youngestMs ?? now) + (job.claim?.minRunMs ?? 0);
  if (youngestMs !== null && oldEnoughAt > now) {
    wakeAt(memory, oldEnoughAt);
    return false;
  }
  // A node has room by now: as soon as the Broker hears of it, it starts.
  if (fitsNow(memory, job, now, [partition])) return false;
  if (now < dueAt + IN_VAIN_RETURN_MS) wakeAt(memory, dueAt + IN_VAIN_RETURN_MS);
  return now >= dueAt + IN_VAIN_RETURN_MS;
}

/** Once nothing can be done for any of its claims another cluster may run it; or this one, if there was a place. */
function giveBack(memory: ClusterMemory, job: JobState, vain: readonly Claimant[]): void {
  const { making } = memory;
  const tasks = vain.reduce((n, { kind, partition }) => n + (job.claim?.[kind][partition] ?? 0), 0);
  if (tasks < claimOf(job) || making.countsOf(job.id).size > 0 || limitOf(job) > job.live.size) return;
  const lacks = vain.filter(({ kind, partition }) => !making.hasLapsed(job, kind, partition));
  if (lacks.length === 0) returnWaiting(memory, job, "surplus");
  else returnWaiting(memory, job, "fragmented", undefined, [...new Set(lacks.map(({ partition }) => partition))]);
}

function spareIn({ memory, spare, now }: Turn, partition: string): Resources {
  const known = spare.get(partition);
  if (known) return known;
  let left = accounts(memory, now).get(partition)?.free ?? {};
  for (const job of memory.jobs.values()) {
    const open = Math.min((job.limits[partition] ?? 0) - liveIn(job, partition), waitingOf(job));
    if (open > 0) left = add(left, job.template.resources, -open);
  }
  spare.set(partition, left);
  return left;
}

/** What was stopped before the memory was lost, or for a claim that changed, makes room for who claims now. */
function unclaimedIn(memory: ClusterMemory, now: number): Map<string, number> {
  const claimed = new Set(memory.making.places.flatMap(({ victims }) => victims));
  const counts = new Map<string, number>();
  for (const job of memory.jobs.values()) {
    for (const live of job.live.values()) {
      if (live.stopping !== "reclaimed" || claimed.has(live)) continue;
      const node = memory.nodes.get(live.node);
      if (node && memory.isUp(node, now)) counts.set(live.partition, (counts.get(live.partition) ?? 0) + 1);
    }
  }
  return counts;
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
