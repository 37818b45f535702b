/**
 * Hands waiting tasks to nodes: onto those that listen now, so that the reply which carries an attempt is known when it
 * is handed out. What finds no place says why, and is given back when another cluster may run it sooner.
 */
import { type Epoch, epochOf, handoutOf, localOf } from "../model/ids.ts";
import type { NodeState as PlacerState } from "../scheduling/packing/packer.ts";
import {
  MAX_PLACEMENTS,
  type PlaceClass,
  type Placement,
  type PlacePartition,
  place,
} from "../scheduling/place/place.ts";
import { kill, loseLaunched } from "./frameworks/kill.ts";
import { keyOf } from "./gang.ts";
import { placeGangs } from "./gangPlaces.ts";
import { placesAgain } from "./gangReturns.ts";
import { besideOf, forget, hasGangs, keepGangs } from "./gangs.ts";
import { returnWaiting } from "./grants.ts";
import type { OpenPoll } from "./heldPolls.ts";
import { accounts } from "./levels.ts";
import { gangFor, keepMade, letGoMade, mayStart } from "./madePlaces.ts";
import type { Made } from "./making.ts";
import type { ClusterMemory } from "./memory.ts";
import { moversOf } from "./moving.ts";
import { roomOn, say, starvedBy } from "./starved.ts";
import {
  isWaiting,
  itemOf,
  type JobState,
  type Live,
  leavingRow,
  limitOf,
  liveCounts,
  type NodeState,
  type Retry,
  stockSize,
  takeFrom,
} from "./state.ts";

/** How long work that fits nowhere for want of room on one node waits before others may have it. */
const STARVED_RETURN_MS = 15_000;

/** A node that a task prefers is waited for so long: it is called, or has polled just now. */
const PATIENCE_MS = 2_000;

export interface Given {
  /** nodes that were given something, once for each */
  given: string[];
  /** nodes that tasks wait for */
  awaited: string[];
  /** jobs with room by their limits, for which no node has space */
  starved: string[];
}

/** Of the nodes that listen. */
type Polls = Pick<ReadonlyMap<string, OpenPoll>, "get" | "has">;

export function placeWaiting(memory: ClusterMemory, polls: Polls, now: number): Given {
  keepGangs(memory, now);
  const isGang = hasGangs(memory);
  const launched = startLaunched(memory, polls, now);
  let singles = singleClasses(memory, now);
  if (singles.length === 0 && !isGang) return { given: launched, awaited: [], starved: [] };
  const listens = (name: string) => polls.has(name);
  noteStates(memory, now, listens);
  const given = [...launched, ...startMade(memory, polls, now)];
  if (given.length > 0) singles = singleClasses(memory, now);
  const give = (placement: Placement): void => {
    const poll = polls.get(placement.node);
    const job = memory.jobs.get(placement.job);
    if (poll && job) handOut(memory, job, placement, poll, now);
    given.push(placement.node);
  };
  const most = MAX_PLACEMENTS - (isGang ? placeOfGangs(memory, listens, now, give) : 0);
  if (singles.length === 0) return { given, awaited: [], starved: [] };
  const { starved, awaited } = place(
    memory.placer,
    partitionsOf(memory, now),
    singles,
    { reach: "listening", most },
    give,
  );
  for (const id of starved) noteStarved(memory, id, now);
  for (const id of awaited.keys()) {
    const job = memory.jobs.get(id);
    if (job) job.awaitsSince ??= now;
  }
  return { given, awaited: [...awaited.values()], starved };
}

/**
 * What frameworks launched starts on its own node, once that listens: a node is looked at when something of it changed.
 *
 * @returns the nodes, once for each task
 */
function startLaunched(memory: ClusterMemory, polls: Polls, now: number): string[] {
  const names = [...memory.unasked];
  memory.unasked.clear();
  return names.flatMap((name) =>
    [...memory.frameworks.launchingOn(name)].filter((job) => startOne(memory, job, polls, now)).map(() => name),
  );
}

/** @returns whether its node was given it */
function startOne(memory: ClusterMemory, job: JobState, polls: Polls, now: number): boolean {
  const { launched } = job;
  const node = launched && memory.nodes.get(launched.node);
  if (!launched || !node || node.removed || node.isSilent) {
    loseLaunched(memory, job);
    return false;
  }
  if (memory.isDrained(node)) {
    kill(memory, job, null);
    return false;
  }
  const poll = polls.get(node.name);
  // What it runs and nobody here knows was not counted when there was room.
  if (!poll || node.paused || node.ghosts.size > 0) return false;
  memory.frameworks.launchedNow(job);
  const { partition, devices, ports } = launched;
  handOut(memory, job, { job: job.id, index: 0, node: node.name, partition, devices, ports }, poll, now);
  return true;
}

/** When those that wait for a node they prefer have waited long enough. */
export function* patienceTimes(memory: ClusterMemory, now: number): Generator<number> {
  for (const { awaitsSince } of memory.placeableJobs())
    if (awaitsSince !== null && awaitsSince + PATIENCE_MS > now) yield awaitsSince + PATIENCE_MS;
}

/** Those for whom room was made start there, once they may: it was kept for them. @returns the nodes */
function startMade(memory: ClusterMemory, polls: Polls, now: number): string[] {
  const given: string[] = [];
  for (const made of memory.making.places) {
    const { job, gang, partition } = made;
    if (![...made.places.keys()].every((name) => polls.has(name)) || !mayStart(memory, made)) continue;
    const [first] = waitingTasks(job, [], now);
    const indices = gang !== null ? gangFor(made) : first ? [first.index] : [];
    const places = indices.length > 0 ? [...(keepMade(memory, made, now) ?? [])] : [];
    if (places.length === 0) continue;
    letGoMade(memory, made);
    if (gang !== null) forget(memory, keyOf(job, gang));
    for (const [i, index] of indices.entries()) {
      const place = places[i];
      const poll = place && polls.get(place.node);
      if (!poll) continue;
      handOut(memory, job, { ...place, devices: place.devices ?? [], job: job.id, index, partition }, poll, now);
      given.push(place.node);
    }
  }
  return given;
}

/** First what is missing beside those that run, then gangs in whole. @returns how many tasks were handed out */
function placeOfGangs(
  memory: ClusterMemory,
  listens: (node: string) => boolean,
  now: number,
  give: (placement: Placement) => void,
): number {
  const beside = besideClasses(memory, now);
  let placed = 0;
  if (beside.length > 0) {
    const result = place(memory.placer, partitionsOf(memory, now), beside, { reach: "listening" }, give);
    placed = result.placed;
    for (const id of result.starved) {
      const job = memory.jobs.get(id);
      if (job) say(job, "space");
    }
  }
  return (
    placed +
    placeGangs({
      memory,
      listens,
      partitions: partitionsOf(memory, now),
      now,
      most: MAX_PLACEMENTS - placed,
      give: (job, index, partition, chosen) =>
        give({ ...chosen, devices: chosen.devices ?? [], job: job.id, index, partition }),
    })
  );
}

/** The placer learns which nodes are up and listen: of those that changed, and of those that spoke long ago by now. */
export function noteStates(
  memory: ClusterMemory,
  now: number,
  listens: (node: string) => boolean = (name) => memory.heldPolls.polls.has(name),
): void {
  const { nodes, placer, unstated, spoken } = memory;
  memory.nodeAccounts.look(now);
  // The clock went back: whoever spoke later than it is now has just spoken.
  if (now < memory.statedAt) for (const name of nodes.keys()) unstated.add(name);
  memory.statedAt = now;
  for (const [name, untilMs] of spoken) {
    if (untilMs > now) break;
    spoken.delete(name);
    unstated.add(name);
  }
  for (const name of unstated) {
    const node = nodes.get(name);
    if (!node) continue;
    const state = stateOf(memory, node, now, listens);
    placer.setState(name, state);
    spoken.delete(name);
    if (state === "soon") spoken.set(name, node.seenAt + PATIENCE_MS);
  }
  unstated.clear();
}

export function stateOf(
  memory: ClusterMemory,
  node: NodeState,
  now: number,
  listens: (node: string) => boolean,
): PlacerState {
  if (!memory.isUp(node, now)) return "down";
  if (listens(node.name)) return "listening";
  if (node.rest !== "awake") return "resting";
  return now - node.seenAt < PATIENCE_MS ? "soon" : "deaf";
}

/** Nodes that would be given something if they were called. What was called for others counts as theirs. */
export function wantedNodes(memory: ClusterMemory, now: number): string[] {
  const ready = memory.making.places.filter((made) => mayStart(memory, made));
  const singles = singleClasses(memory, now).map((c) => withoutMade(c, ready));
  const waiting = [...singles, ...besideClasses(memory, now)].filter(({ room }) => room > 0);
  const made = ready.flatMap(({ places }) => [...places.keys()]).filter((node) => isCallable(memory, node));
  if (waiting.length === 0) return made;
  noteStates(memory, now);
  const { placer } = memory;
  const tried: Placement[] = [];
  place(placer, partitionsOf(memory, now), waiting, { reach: "callable" }, (placement) => {
    const job = memory.jobs.get(placement.job);
    if (job) placer.add(job.asked, placement);
    tried.push(placement);
  });
  for (const placement of tried) {
    const job = memory.jobs.get(placement.job);
    if (job) placer.remove(job.asked, placement);
  }
  return [...tried.map(({ node }) => node), ...made];
}

/** What is left of the class beside tasks that have a place made for them: those wait for its node and no other. */
function withoutMade(c: PlaceClass, ready: readonly Made[]): PlaceClass {
  const own = ready.filter(({ job }) => job.asked === c.asked);
  if (own.length === 0) return c;
  const rooms = { ...c.rooms };
  for (const { partition } of own) rooms[partition] = (rooms[partition] ?? 0) - 1;
  return { ...c, room: c.room - own.length, rooms };
}

const isCallable = ({ nodes, heldPolls }: ClusterMemory, name: string): boolean =>
  heldPolls.polls.has(name) || (nodes.get(name)?.rest ?? "awake") !== "awake";

/** Partitions where no node had room for a job, but for nodes that changed since. */
const noRoomIn = new WeakMap<JobState, readonly string[]>();

/**
 * What was given back for want of room on one node may be granted again as soon as one has it, a gang as soon as it may
 * have places again.
 *
 * @param changed nodes that may have room since this was asked last
 */
export function noteRoom(memory: ClusterMemory, changed: Iterable<string>, now: number): void {
  const vacated = [...memory.vacated];
  memory.vacated.clear();
  for (const job of memory.fragmented) {
    if (memory.jobs.get(job.id) !== job) {
      memory.fragmented.delete(job);
      continue;
    }
    const nodes = noRoomIn.get(job) === job.lacksIn ? changed : memory.nodes.keys();
    noRoomIn.set(job, job.lacksIn);
    const isGang = job.template.gang !== null;
    // Nothing may wait here: then the placer was not told who is up.
    if (isGang) noteStates(memory, now);
    const again = isGang ? placesAgain(memory, job, vacated, now) : roomOn(memory, job, nodes, now);
    if (again.length === 0) continue;
    job.lacksIn = job.lacksIn.filter((name) => !again.includes(name));
    job.mayFitIn = job.mayFitIn.filter((name) => !again.includes(name));
    job.dirty = "now";
    // Of what waits here by other limits something else is said.
    if (job.lacksIn.length === 0 && !isWaiting(job)) Object.assign(job, { reason: null, starvedAt: null });
  }
}

export function partitionsOf(memory: ClusterMemory, now: number): Map<string, PlacePartition> {
  return new Map([...accounts(memory, now)].map(([name, { free }]) => [name, { free, pack: memory.spec(name).pack }]));
}

/** Tasks that start each by itself. */
function singleClasses(memory: ClusterMemory, now: number): PlaceClass[] {
  const classes: PlaceClass[] = [];
  for (const job of memory.placeableJobs()) {
    if (job.template.gang !== null) continue;
    const movers = moversOf(memory, job, now);
    // What moves keeps its place in the limits: the old attempt counts no more once there is a new one.
    const held = job.live.size - movers.length + stockSize(job.limbo);
    const room = job.action === "run" ? limitOf(job) - held : 0;
    if (movers.length === 0 && !isWaiting(job)) continue;
    if (movers.length === 0 && job.fresh.length === 0 && !job.retry.isDue(now)) {
      say(job, "backoff");
      continue;
    }
    const live = liveCounts(job);
    for (const { partition } of movers) live[partition] = (live[partition] ?? 0) - 1;
    const rooms = Object.entries(job.limits).map(([name, limit]) => [name, limit - (live[name] ?? 0)] as const);
    classes.push({
      asked: job.asked,
      priority: job.template.priority,
      isPatient: job.awaitsSince === null || now - job.awaitsSince < PATIENCE_MS,
      refusedBy: job.refusedBy,
      room,
      rooms: Object.fromEntries(rooms),
      tasks: waitingTasks(job, movers, now),
    });
  }
  return classes;
}

/** Tasks of gangs that run, to be tried again in the same partition. */
function besideClasses(memory: ClusterMemory, now: number): PlaceClass[] {
  const classes: PlaceClass[] = [];
  for (const { job, partition, tasks } of besideOf(memory)) {
    const ready = tasks.filter(({ notBefore }) => notBefore <= now);
    if (ready.length === 0) {
      say(job, "backoff");
      continue;
    }
    const left = (job.limits[partition] ?? 0) - (liveCounts(job)[partition] ?? 0);
    const promised = classes
      .filter(({ asked, rooms }) => asked === job.asked && partition in rooms)
      .reduce((n, { room }) => n + room, 0);
    const room = Math.min(ready.length, left - promised);
    const { asked, refusedBy } = job;
    const { priority } = job.template;
    classes.push({ asked, priority, refusedBy, room, rooms: { [partition]: room }, tasks: ready });
  }
  return classes;
}

function* waitingTasks(
  job: JobState,
  movers: readonly Live[],
  now: number,
): Generator<{ index: number; avoid: string | null }> {
  for (const { index } of movers) yield { index, avoid: null };
  for (const { index, avoid, notBefore } of [...job.retry.values()].sort((a, b) => a.index - b.index)) {
    if (notBefore <= now) yield { index, avoid };
  }
  for (const { ranges } of [...job.fresh]) {
    for (const [from, to] of [...ranges]) for (let index = from; index < to; index++) yield { index, avoid: null };
  }
}

function handOut(
  memory: ClusterMemory,
  job: JobState,
  { index, partition, devices, ports }: Placement,
  poll: OpenPoll,
  now: number,
): void {
  const moved = job.live.get(index);
  if (moved) memory.leave(moved);
  const before = moved?.epoch ?? epochOfRetry(job.retry.get(index));
  const stock = before === null ? takeFrom(job.fresh, index) : null;
  const epoch = before === null ? epochOf(stock?.handout ?? 0, 0) : epochOf(handoutOf(before), localOf(before) + 1);
  const { attemptsUsed = 0, item: kept = null } = moved ?? job.retry.get(index) ?? { ...stock, item: null };
  job.retry.delete(index);
  const item = itemOf(job.supply, index) ?? kept;
  const { node, session, seq } = poll;
  const where = { partition, lender: memory.spec(partition).owner, assignedAt: now };
  const attempt = { index, epoch, attemptsUsed, node, session, item, devices, ports, ...where };
  memory.addLive({ job, ...attempt, carried: { session, seq }, stopping: null, confirmed: false });
  const leaving = job.leaving.get(index);
  memory.store.handOut({
    job: job.id,
    ...attempt,
    carriedSession: session,
    carriedSeq: seq,
    leaving: leaving ? leavingRow(leaving) : null,
  });
  job.reason = null;
  job.starvedAt = null;
  job.awaitsSince = null;
  if (job.dirty === "no") job.dirty = "soon";
}

const epochOfRetry = (retry: Retry | undefined): Epoch | null => (retry ? epochOf(retry.handout, retry.local) : null);

/** Room is granted, tasks wait, and no node that listens has space: say why, give back what others may run sooner. */
function noteStarved(memory: ClusterMemory, id: string, now: number): void {
  const job = memory.jobs.get(id);
  // Where room was made for it there is a place.
  if (!job || !isWaiting(job) || memory.making.countsOf(id).size > 0) return;
  const reason = starvedBy(memory, job, now);
  if (reason === "does-not-fit" || reason === "refused") {
    returnWaiting(memory, job, reason);
    return;
  }
  say(job, reason);
  job.starvedAt ??= now;
  if (reason === "fragmented" && now - job.starvedAt >= STARVED_RETURN_MS) returnWaiting(memory, job, "fragmented");
}
