/**
 * Gangs: tasks that start together, in one partition, or not at all. Places for all of them are chosen at once; when
 * every node of these listens, all are handed out in that one turn.
 *
 * A gang may keep places while others are missing, or while a node does not listen yet. That two such gangs wait for
 * each other is impossible:
 * - Places are kept while others are *missing* by at most one gang of a cluster: when none does, by the first in order
 *   of priority and age. A gang is in one cluster, so what it waits for is in use by tasks that run.
 * - One that has places for all its tasks waits for polls alone, which wait for nobody's places.
 * - Tasks that run keep nothing but their own places. If one of them fails and is tried again beside its gang, they
 *   wait for its place at most as long as the job's hold; then all of them stop, and give their places back.
 * So among those that wait for room only one keeps any, and there is no circle. It keeps them at most as long as its
 * hold: then it goes back to the Broker, others have their turn for as long again, and it may start elsewhere meanwhile.
 */
import { settle, stopGang } from "./ends.ts";
import { gangsWaiting, isDoomed, isWhole, rangeOf, type Standing, standingOf } from "./gang.ts";
import type { GangTime } from "./gangTimes.ts";
import { returnWaiting } from "./grants.ts";
import type { ClusterMemory } from "./memory.ts";
import { say } from "./starved.ts";
import { type JobState, type Retry, takeFrom } from "./state.ts";
import type { EndColumns } from "./store.ts";

/** So long at most all places of a gang wait for their nodes to listen, however short its hold. */
export const CALL_MS = 30_000;

/** How a task ends whose gang can't do without one that failed. */
const DOOMED: EndColumns = {
  reason: "gang",
  code: null,
  signal: null,
  message: "another task of its gang failed",
  ranMs: null,
  stdoutBytes: null,
  stderrBytes: null,
};

export const holdMsOf = ({ template }: JobState): number => template.gang?.holdMs ?? 0;

/** Those of which something waits. */
export function* gangJobs(memory: ClusterMemory): Generator<JobState> {
  for (const job of memory.waitingJobs()) if (job.template.gang !== null && job.action === "run") yield job;
}

export const hasGangs = (memory: ClusterMemory): boolean => !gangJobs(memory).next().done;

/** Ends, stops or gives back gangs that cannot go on as they are. */
export function keepGangs(memory: ClusterMemory, now: number): void {
  for (const job of gangJobs(memory)) {
    for (const number of gangsWaiting(job)) {
      const standing = standingOf(job, number);
      if (isDoomed(job, standing.waiting[0] ?? 0)) cancel(memory, job, standing);
      else if (standing.live.length > 0) keepBeside(memory, job, standing, now);
      else if (isWhole(standing) && standing.waiting.some((index) => job.retry.get(index)?.reason === "reclaimed"))
        returnWaiting(memory, job, "reclaimed", [rangeOf(job, number)]);
    }
  }
  letGo(memory, now);
}

/** It lacks a task for good: the others wait for nothing. */
function cancel(memory: ClusterMemory, job: JobState, { waiting }: Standing): void {
  for (const index of waiting) {
    const { attemptsUsed = 0 } = job.retry.get(index) ?? {};
    job.retry.delete(index);
    takeFrom(job.fresh, index);
    settle(memory, job, index, "cancelled", attemptsUsed, DOOMED);
  }
}

/** Tasks are tried again beside those that run, if a place is found in time. */
function keepBeside(memory: ClusterMemory, job: JobState, { number, waiting, live }: Standing, now: number): void {
  const time = memory.gangTimes.of(job, number);
  const isReady = waiting.some((index) => (job.retry.get(index)?.notBefore ?? 0) <= now);
  if (!isReady || isStopping(live)) {
    time.besideSince = null;
    return;
  }
  time.besideSince = Math.min(time.besideSince ?? now, now);
  if (now - time.besideSince < holdMsOf(job)) return;
  time.besideSince = null;
  stopGang(memory, job, waiting[0] ?? 0);
}

const isStopping = (live: Standing["live"]): boolean => live.some(({ stopping }) => stopping !== null);

/** Tasks that wait beside those of their gang that run and shall go on. */
export function* besideOf(memory: ClusterMemory): Generator<{ job: JobState; partition: string; tasks: Retry[] }> {
  for (const job of gangJobs(memory)) {
    for (const number of gangsWaiting(job)) {
      const { live, waiting } = standingOf(job, number);
      const partition = live[0]?.partition;
      if (partition === undefined || isStopping(live)) continue;
      yield { job, partition, tasks: waiting.flatMap((index) => job.retry.get(index) ?? []) };
    }
  }
}

/** Those whose time is over let go of their places and go back: others are next. What no longer waits is forgotten. */
function letGo(memory: ClusterMemory, now: number): void {
  const { byGang, restUntil } = memory.gangTimes;
  for (const [id, untilMs] of restUntil) {
    const job = memory.jobs.get(id);
    if (!job || untilMs <= now) restUntil.delete(id);
    // A clock that jumped back prolongs nothing.
    else restUntil.set(id, Math.min(untilMs, now + holdMsOf(job)));
  }
  for (const [key, time] of [...byGang]) {
    const job = memory.jobs.get(time.job);
    const standing = job?.action === "run" ? standingOf(job, time.number) : null;
    if (!job || !standing || standing.waiting.length === 0) {
      forget(memory, key);
      continue;
    }
    if (standing.live.length === 0) time.besideSince = null;
    if (time.untilMs === null) continue;
    time.untilMs = Math.min(time.untilMs, now + longestMs(job, time));
    if (isWhole(standing) && time.untilMs > now) continue;
    forget(memory, key);
    if (!isWhole(standing)) continue;
    restUntil.set(job.id, now + holdMsOf(job));
    say(job, "fragmented");
    returnWaiting(memory, job, "fragmented");
  }
}

const longestMs = (job: JobState, { isCalled }: GangTime): number =>
  isCalled ? Math.max(CALL_MS, holdMsOf(job)) : holdMsOf(job);

export function forget(memory: ClusterMemory, key: string): void {
  memory.release(key);
  memory.gangTimes.forget(key);
}

/** Nodes whose places are kept for those that miss no other one. */
export function* calledNodes(memory: ClusterMemory): Generator<string> {
  const { holder } = memory.gangTimes;
  for (const [key, { places }] of memory.holds) if (key !== holder) for (const { node } of places) yield node;
}

/** Most places that are kept for a gang of the job. */
export function heldFor(memory: ClusterMemory, job: JobState): number {
  let most = 0;
  for (const [key, time] of memory.gangTimes.byGang)
    if (time.job === job.id) most = Math.max(most, memory.holds.get(key)?.places.length ?? 0);
  return most;
}
