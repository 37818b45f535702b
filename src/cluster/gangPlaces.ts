/** Hands gangs out in whole: finds places for all tasks at once, and keeps them until their nodes listen. */
import { add, fits } from "../model/resources.ts";
import type { Place } from "../scheduling/place/occupancy.ts";
import type { PlacePartition } from "../scheduling/place/place.ts";
import { gangsWaiting, isWhole, keyOf, type Standing, standingOf } from "./gang.ts";
import { couldHold, isAble, type Rooms, roomsOf } from "./gangRoom.ts";
import { CALL_MS, forget, gangJobs, holdMsOf } from "./gangs.ts";
import { type GangTime, isOld } from "./gangTimes.ts";
import { returnWaiting } from "./grants.ts";
import type { Hold } from "./holds.ts";
import { mayStart } from "./madePlaces.ts";
import type { ClusterMemory } from "./memory.ts";
import { say } from "./starved.ts";
import type { JobState } from "./state.ts";

export interface GangTurn {
  memory: ClusterMemory;
  /** whether something can be told to the node in this turn */
  listens: (node: string) => boolean;
  /** what is free changes as places are kept */
  partitions: Map<string, PlacePartition>;
  now: number;
  /** so many tasks may be handed out, or one gang */
  most: number;
  give: (job: JobState, index: number, partition: string, place: Place) => void;
}

/** A gang whose turn it is. */
interface Candidate {
  job: JobState;
  standing: Standing;
  key: string;
  time: GangTime;
  rooms: Rooms;
}

/** By priority, then age. @returns how many tasks were handed out */
export function placeGangs(turn: GangTurn): number {
  const { memory, now, most } = turn;
  let given = 0;
  const waiting: Candidate[] = [];
  const jobs = [...gangJobs(memory)].sort((a, b) => b.template.priority - a.template.priority);
  for (const job of jobs) {
    const rooms = roomsOf(memory, job);
    for (const number of gangsWaiting(job)) {
      const standing = standingOf(job, number);
      if (!isWhole(standing)) continue;
      if (standing.notBefore > now) {
        say(job, "backoff");
        continue;
      }
      const tasks = standing.waiting.length;
      if (given > 0 && given + tasks > most) return given;
      const made = memory.making.forGang(job.id, number);
      if (made && mayStart(memory, made)) {
        // It has its places, and starts there once all their nodes listen.
        rooms.set(made.partition, (rooms.get(made.partition) ?? 0) - tasks);
        continue;
      }
      const time = memory.gangTimes.of(job, number);
      const gang = { job, standing, key: keyOf(job, number), time, rooms };
      const outcome = placeGang(turn, gang);
      if (outcome === "given") given += tasks;
      else if (outcome === "waits") waiting.push(gang);
      else if (outcome === "returned") break;
    }
  }
  for (const { job } of waiting) say(job, "gang");
  holdNext(turn, waiting);
  return given;
}

/** Nobody keeps places while others are missing: the first may. */
function holdNext(turn: GangTurn, waiting: readonly Candidate[]): void {
  const { memory, now } = turn;
  for (const gang of waiting) {
    const { holder } = memory.gangTimes;
    // Whose places were given up looks for others, while its time goes on.
    if (holder !== null && memory.holds.get(holder)) return;
    const { job, standing, key, rooms } = gang;
    if (memory.holds.get(key) || memory.gangTimes.restUntil.has(job.id)) continue;
    if (memory.making.forGang(job.id, standing.number)) continue;
    const tasks = standing.waiting.length;
    const [able] = [...rooms].find(([name, room]) => room >= tasks && couldHold(memory, job, name, tasks, now)) ?? [];
    if (able === undefined) continue;
    keep(turn, gang, able, []);
    note(turn, gang, fill(turn, gang, able) ? "all" : "some");
  }
}

/** `told`: it waits, and the reason is said already, or is that of its limits */
function placeGang(turn: GangTurn, gang: Candidate): "given" | "waits" | "told" | "returned" {
  const { memory } = turn;
  const { job, standing, key, rooms } = gang;
  const tasks = standing.waiting.length;
  if (![...rooms.values()].some((room) => room >= tasks)) {
    giveUp(turn, key);
    forget(memory, key);
    return "told";
  }
  const before = memory.holds.get(key);
  if (before && !isGood(turn, gang, before)) giveUp(turn, key);
  if (before && before.places.length > tasks) memory.release(key, tasks);
  if ((memory.holds.get(key)?.places.length ?? 0) < tasks && mayTry(turn, gang)) {
    const found = find(turn, gang);
    if (found === "never") return never(turn, job);
    note(turn, gang, found);
  }
  const hold = memory.holds.get(key);
  if (!hold) return "waits";
  // One that it waited for is over.
  if (hold.places.length >= tasks && memory.gangTimes.holder === key) note(turn, gang, "all");
  rooms.set(hold.partition, (rooms.get(hold.partition) ?? 0) - tasks);
  if (hold.places.length < tasks || !hold.places.every(({ node }) => turn.listens(node))) return "waits";
  const places = [...hold.places];
  forget(memory, key);
  for (const [i, index] of standing.waiting.entries()) turn.give(job, index, hold.partition, places[i] as Place);
  return "given";
}

/** Its nodes still take it, and its limits allow it there. */
const isGood = ({ memory, now }: GangTurn, { job, standing, rooms }: Candidate, { partition, places }: Hold): boolean =>
  (rooms.get(partition) ?? 0) >= standing.waiting.length &&
  places.every(({ node }) => {
    const state = memory.nodes.get(node);
    return state !== undefined && memory.isUp(state, now) && !job.refusedBy.has(node);
  });

/** Something has changed that could help since it was tried in vain. */
const mayTry = ({ memory, now }: GangTurn, { job, time: { tried } }: Candidate): boolean =>
  tried === null || tried.gen !== job.gen || isOld(tried, memory.freed, now);

/** Its time begins with its first place, or its turn to get one; once it has all, their nodes are called. */
function note({ memory, now }: GangTurn, { job, key, time }: Candidate, found: "all" | "some" | "none"): void {
  const { gangTimes } = memory;
  time.tried = found === "all" ? null : { freed: memory.freed, gen: job.gen, at: now };
  if (found === "none") return;
  time.untilMs ??= now + holdMsOf(job);
  if (job.dirty === "no") job.dirty = "soon";
  if (found === "some") {
    gangTimes.holder = key;
    return;
  }
  if (gangTimes.holder === key) gangTimes.holder = null;
  if (!time.isCalled) time.untilMs = Math.max(time.untilMs, now + CALL_MS);
  time.isCalled = true;
}

/** Places for all, rather on nodes that listen; or more of them, if it keeps some. */
function find(turn: GangTurn, gang: Candidate): "all" | "some" | "none" | "never" {
  const { memory, now } = turn;
  const { job, standing, key, rooms } = gang;
  const tasks = standing.waiting.length;
  const before = memory.holds.get(key);
  if (before && fill(turn, gang, before.partition)) return "all";
  const open = [...rooms].filter(([, room]) => room >= tasks).sort(([, a], [, b]) => b - a);
  for (const [name] of open) {
    const places = name === before?.partition ? null : together(turn, job, name, tasks);
    if (places === null) continue;
    giveUp(turn, key);
    keep(turn, gang, name, places);
    return "all";
  }
  if (before) return "some";
  return isAble(memory, job, tasks, now) ? "none" : "never";
}

function together({ memory, partitions }: GangTurn, job: JobState, name: string, tasks: number): Place[] | null {
  const partition = partitions.get(name);
  if (!partition || !fits(add({}, job.asked.demand, tasks), partition.free)) return null;
  const where = whereOf(job, name, partition);
  return (
    memory.placer.together(job.asked, { ...where, reach: "listening" }, tasks) ??
    memory.placer.together(job.asked, { ...where, reach: "up" }, tasks)
  );
}

/** Takes places one by one. @returns whether it has all */
function fill(turn: GangTurn, gang: Candidate, name: string): boolean {
  const { memory, partitions } = turn;
  const { job, standing, key } = gang;
  const missing = () => standing.waiting.length - (memory.holds.get(key)?.places.length ?? 0);
  while (missing() > 0) {
    const partition = partitions.get(name);
    if (!partition || !fits(job.asked.demand, partition.free)) return false;
    const place = memory.placer.choose(job.asked, { ...whereOf(job, name, partition), reach: "up" });
    if (place === null) return false;
    keep(turn, gang, name, [place]);
  }
  return true;
}

const whereOf = (job: JobState, partition: string, { pack }: PlacePartition) => ({
  partition,
  pack,
  ...(job.refusedBy.size > 0 && { isExcluded: (node: string) => job.refusedBy.has(node) }),
});

function keep(turn: GangTurn, { job, key }: Candidate, name: string, places: readonly Place[]): void {
  count(turn, turn.memory.holds.keep(key, job.asked, name, places), -places.length);
}

/** Its places are free again, and its time goes on. */
function giveUp(turn: GangTurn, key: string): void {
  const hold = turn.memory.holds.get(key);
  if (!hold) return;
  count(turn, hold, hold.places.length);
  turn.memory.release(key);
}

/** The partition has room for so many of its tasks more. */
function count({ partitions }: GangTurn, { asked, partition }: Pick<Hold, "asked" | "partition">, tasks: number): void {
  const known = partitions.get(partition);
  if (known) partitions.set(partition, { ...known, free: add(known.free, asked.demand, tasks) });
}

/** No node, or too few, would hold it even if they were empty. */
function never({ memory, now }: GangTurn, job: JobState): "told" | "returned" {
  const { up, silent, total } = memory.nodeAccounts.counts(now);
  if (up === 0) {
    say(job, total > silent ? "paused" : "no-nodes");
    return "told";
  }
  say(job, null);
  returnWaiting(memory, job, job.refusedBy.size > 0 ? "refused" : "does-not-fit");
  return "returned";
}
