/**
 * Makes room for those who have a right to it and waited for the grace: the attempts whose loss is least are told to
 * stop, and what they free is kept until the claimant starts there. Which may be stopped, and for how many, the Broker
 * has said; which are is decided here. Nobody is stopped where there is room by now: that is kept instead.
 *
 * A gang has places for all its tasks chosen together, or nobody is stopped for it. Until then it keeps none; from then
 * on what it misses is in use by attempts that were told to stop, which wait for nobody's places, and it lets go of all
 * if they are not gone in time, or the Broker does not let it start. What others keep, it is never given: so two gangs
 * that claim do not wait for each other, and if one that holds places while others are missing (`gangs.ts`) waits for
 * what a claimant keeps, that one does not wait for it.
 */
import { add, type Resources, subtract } from "../model/resources.ts";
import { chooseRoom, fitTogether } from "./choosing.ts";
import { grantedIn, type Next, nextOf, waitingOf, wholeGangs } from "./claiming.ts";
import { stopLive } from "./ends.ts";
import { gangAt, rangeOf } from "./gang.ts";
import { roomsOf } from "./gangRoom.ts";
import { holdMsOf } from "./gangs.ts";
import { returnWaiting } from "./grants.ts";
import { accounts } from "./levels.ts";
import { gangFor, keepMade, letGoMade } from "./madePlaces.ts";
import { keptFor, type Made } from "./making.ts";
import type { ClusterMemory } from "./memory.ts";
import { noteStates } from "./placing.ts";
import { fitsNow } from "./starved.ts";
import { claimIn, claimOf, type JobState, type Live, limitOf, liveCounts, stockSize } from "./state.ts";
import { type Choice, type Claimant, Victims } from "./victims.ts";

/** What room was made for starts as soon as the Broker has heard of it; else others may have it. */
const KEPT_MS = 60_000;
/** A claim for which there are not enough that may be stopped is given back after so long. */
const IN_VAIN_RETURN_MS = 15_000;
/** Tasks that room is made for in one turn, and then no more gangs. */
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
  noteStates(memory, now);
  const victims = new Victims(memory, now);
  const turn: Turn = { memory, now, victims, spare: new Map(), unclaimed: unclaimedIn(memory, now), vain: [] };
  let left = MOST_AT_ONCE;
  for (const claimant of due) left -= serve(turn, claimant, left);
  for (const [job, claimants] of Map.groupBy(turn.vain, (one) => one.job)) giveBack(memory, job, claimants, now);
}

function wakeAt({ making }: ClusterMemory, at: number): void {
  making.nextAt = Math.min(making.nextAt ?? at, at);
}

/** Lets places go that nobody waits for any more, or not here. */
function renew(memory: ClusterMemory, made: Made, now: number): void {
  const { job } = made;
  if (isWanted(memory, made) && [...made.places.keys()].every((name) => isOpen(memory, job, name, now))) {
    const places = keepMade(memory, made, now);
    const isPlaced = places !== null || made.goneAt === null;
    const untilMs = made.goneAt === null ? made.untilMs : made.goneAt + KEPT_MS;
    if (isPlaced && now < untilMs) {
      wakeAt(memory, untilMs);
      return;
    }
    if (now >= untilMs) memory.making.lapse(made);
  }
  letGoMade(memory, made);
  for (const name of made.places.keys()) memory.vacate(name);
  if (job.dirty === "no") job.dirty = "soon";
}

function isWanted({ jobs, making }: ClusterMemory, made: Made): boolean {
  const { job, partition } = made;
  if (jobs.get(job.id) !== job || job.action !== "run") return false;
  const wanted = Math.min(grantedIn(job, partition) + claimIn(job, partition), waitingOf(job));
  return making.placesIn(job.id, partition) <= wanted && (made.gang === null || gangFor(made).length > 0);
}

function isOpen(memory: ClusterMemory, job: JobState, name: string, now: number): boolean {
  const node = memory.nodes.get(name);
  return node !== undefined && memory.isUp(node, now) && !job.refusedBy.has(name);
}

/** What is due as one's own first; then the highest priority, then the oldest. */
function claimantsOf(memory: ClusterMemory, now: number): Claimant[] {
  const claimants: Claimant[] = [];
  for (const job of memory.submitted.values()) {
    const { claim } = job;
    if (claim === null || job.action !== "run" || waitingOf(job) === 0) continue;
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
  const { memory, unclaimed, now } = turn;
  const { job, kind, partition } = claimant;
  if (memory.making.hasLapsed(job, kind, partition)) {
    turn.vain.push(claimant);
    return 0;
  }
  let choice: Choice | null = null;
  const choiceOf = () => {
    choice ??= turn.victims.for(claimant);
    return choice;
  };
  let served = 0;
  while (served < most) {
    const next = nextOf(memory, claimant, unclaimed.get(partition) ?? 0, now);
    if (next === null) break;
    if (!makeFor(turn, claimant, next, choiceOf)) {
      if (isInVain(turn, claimant, next, choiceOf())) turn.vain.push(claimant);
      break;
    }
    served += next.tasks;
  }
  return served;
}

/** Keeps free places, and has those stopped that are in the way of others. @returns whether there are places for all */
function makeFor(turn: Turn, claimant: Claimant, { gang, tasks }: Next, choiceOf: () => Choice): boolean {
  const { memory, now } = turn;
  const { job, kind, partition } = claimant;
  const spare = spareIn(turn, partition);
  const chosen = chooseRoom(memory, claimant, { tasks, spare: job.claim?.inKind ? {} : spare, now }, choiceOf);
  if (chosen === null) return false;
  const { places, victims } = chosen;
  for (const victim of victims) stopLive(memory, victim, "reclaimed");
  const untilMs = now + KEPT_MS + Math.max(0, ...victims.map((victim) => stopsWithinMs(memory, victim)));
  const made = memory.making.add({ job, kind, partition, gang, places, victims, untilMs });
  if (victims.length === 0 && keepMade(memory, made, now) === null) {
    letGoMade(memory, made);
    return false;
  }
  wakeAt(memory, untilMs);
  job.dirty = "now";
  let kept = victims.length === 0 ? add({}, job.template.resources, tasks) : {};
  for (const node of places.keys()) {
    memory.keepRoom(node);
    kept = add(kept, keptFor(made, node));
  }
  turn.spare.set(partition, subtract(spare, kept));
  if (victims.length > 0) {
    choiceOf().changed();
    tell(memory, claimant, victims);
  }
  return true;
}

/** Until it hears of it, and has ended then. */
const stopsWithinMs = ({ nodes }: ClusterMemory, { node, job }: Live): number =>
  (nodes.get(node)?.expectMs ?? 0) + job.template.stopGraceMs;

/** Nobody may be stopped, or not enough; and it has waited until attempts had run for long enough. */
function isInVain({ memory, now }: Turn, claimant: Claimant, { gang, tasks }: Next, { youngestMs }: Choice): boolean {
  const { job, partition, dueAt } = claimant;
  const oldEnoughAt = (youngestMs ?? now) + (job.claim?.minRunMs ?? 0);
  if (youngestMs !== null && oldEnoughAt > now) {
    wakeAt(memory, oldEnoughAt);
    return false;
  }
  // A node has room by now: as soon as the Broker hears of it, it starts.
  if (gang === null ? fitsNow(memory, job, now, [partition]) : fitTogether(memory, claimant, tasks, now)) return false;
  if (now < dueAt + IN_VAIN_RETURN_MS) wakeAt(memory, dueAt + IN_VAIN_RETURN_MS);
  return now >= dueAt + IN_VAIN_RETURN_MS;
}

/** Once nothing can be done for any of its claims another cluster may run it; or this one, if there was a place. */
function giveBack(memory: ClusterMemory, job: JobState, vain: readonly Claimant[], now: number): void {
  const { making, gangTimes } = memory;
  const tasks = vain.reduce((n, { kind, partition }) => n + (job.claim?.[kind][partition] ?? 0), 0);
  if (tasks < claimOf(job) || making.countsOf(job.id).size > 0 || mayRunMore(memory, job)) return;
  const lacks = vain.filter(({ kind, partition }) => !making.hasLapsed(job, kind, partition));
  if (lacks.length === 0) {
    returnWaiting(memory, job, "surplus");
    return;
  }
  const partitions = [...new Set(lacks.map(({ partition }) => partition))];
  returnWaiting(memory, job, "fragmented", undefined, partitions);
  if (job.template.gang === null) return;
  // Others have their turn before it comes again; and who may be stopped for it are others as time passes.
  gangTimes.restUntil.set(job.id, now + holdMsOf(job));
  job.mayFitIn = [...job.mayFitIn, ...partitions];
}

function mayRunMore(memory: ClusterMemory, job: JobState): boolean {
  if (job.template.gang === null) return limitOf(job) > job.live.size;
  const least = Math.min(...wholeGangs(job).map(({ waiting }) => waiting.length));
  return [...roomsOf(memory, job).values()].some((room) => room >= least);
}

function spareIn({ memory, spare, now }: Turn, partition: string): Resources {
  const known = spare.get(partition);
  if (known) return known;
  let left = accounts(memory, now).get(partition)?.free ?? {};
  for (const job of memory.submitted.values()) {
    const granted = (job.limits[partition] ?? 0) - (liveCounts(job)[partition] ?? 0);
    const open = Math.min(granted, stockSize(job.fresh) + job.retry.size);
    if (open > 0) left = add(left, job.template.resources, -open);
  }
  spare.set(partition, left);
  return left;
}

/** What was stopped before the memory was lost, or for a claim that changed, makes room for who claims now. */
function unclaimedIn(memory: ClusterMemory, now: number): Map<string, number> {
  const claimed = new Set(memory.making.places.flatMap(({ victims }) => victims));
  const counts = new Map<string, number>();
  for (const job of memory.submitted.values()) {
    for (const live of job.live.values()) {
      if (!isTakenBack(live) || claimed.has(live)) continue;
      const node = memory.nodes.get(live.node);
      if (node && memory.isUp(node, now)) counts.set(live.partition, (counts.get(live.partition) ?? 0) + 1);
    }
  }
  return counts;
}

/** It, or one of its gang. */
function isTakenBack({ job, index, stopping }: Live): boolean {
  if (stopping !== "gang" || job.template.gang === null) return stopping === "reclaimed";
  const [from, to] = rangeOf(job, gangAt(job, index));
  for (let other = from; other < to; other++)
    if (job.live.get(other)?.stopping === "reclaimed" || job.retry.get(other)?.reason === "reclaimed") return true;
  return false;
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
