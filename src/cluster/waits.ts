/**
 * Since when, and until when, jobs wait here for what: by this object's clock, and in their rows, since an object that
 * sleeps between its alarms would else begin to count anew with each. They are gathered at the end of a turn from where
 * they are used, and written when they are others than before.
 */
import { returnable } from "./gang.ts";
import type { ClusterMemory } from "./memory.ts";
import type { Waits } from "./schema.ts";
import { isWaiting, type JobState } from "./state.ts";

/** As the rows of jobs have them; a clock that has jumped back since prolongs nothing. */
export function recallWaits(memory: ClusterMemory, now: number): void {
  for (const [id, waits] of memory.waits) {
    const job = memory.jobs.get(id);
    if (job) recallWaitsOf(memory, job, waits, now);
  }
}

function recallWaitsOf(memory: ClusterMemory, job: JobState, waits: Waits, now: number): void {
  const { claims = {}, gangs = {}, restUntil, lacksIn, mayFitIn = [], starvedAt } = waits;
  for (const [key, since] of Object.entries(claims)) memory.making.recall(job.id, key, Math.min(since, now));
  for (const [number, { untilMs, isCalled, besideSince }] of Object.entries(gangs)) {
    const time = memory.gangTimes.of(job, Number(number));
    time.untilMs = untilMs ?? null;
    time.isCalled = isCalled ?? false;
    time.besideSince = besideSince ?? null;
  }
  const longestRestMs = job.template.gang?.holdMs ?? 0;
  if (restUntil !== undefined) memory.gangTimes.restUntil.set(job.id, Math.min(restUntil, now + longestRestMs));
  // How it was at the time of a backup is not how the Broker knows it.
  if (lacksIn !== undefined && !memory.isRestored) {
    Object.assign(job, { lacksIn, mayFitIn, ...(!isWaiting(job) && { reason: "fragmented" }) });
    memory.fragmented.add(job);
  }
  if (starvedAt !== undefined) job.starvedAt = Math.min(starvedAt, now);
}

export function saveWaits(memory: ClusterMemory): void {
  const present = waitsNow(memory);
  for (const [id, waits] of present) {
    const before = memory.waits.get(id);
    if (before && JSON.stringify(before) === JSON.stringify(waits)) continue;
    memory.waits.set(id, waits);
    memory.store.saveWaits(id, waits);
  }
  for (const id of memory.waits.keys()) {
    if (present.has(id)) continue;
    memory.waits.delete(id);
    if (memory.jobs.has(id)) memory.store.saveWaits(id, null);
  }
}

/** By job; those that wait for nothing are left out. */
function waitsNow({ submitted, making, gangTimes, waits }: ClusterMemory): Map<string, Waits> {
  const present = new Map<string, Waits>();
  const of = (id: string): Waits => {
    const known = present.get(id) ?? {};
    present.set(id, known);
    return known;
  };
  for (const [id, key, since] of making.claims()) {
    const known = of(id);
    known.claims = { ...known.claims, [key]: since };
  }
  for (const { job, number, untilMs, isCalled, besideSince } of gangTimes.byGang.values()) {
    if (untilMs === null && besideSince === null) continue;
    const known = of(job);
    const gang = {
      ...(untilMs !== null && { untilMs }),
      ...(isCalled && { isCalled }),
      ...(besideSince !== null && { besideSince }),
    };
    known.gangs = { ...known.gangs, [number]: gang };
  }
  for (const [id, restUntil] of gangTimes.restUntil) of(id).restUntil = restUntil;
  for (const job of submitted.values()) {
    const { id, reason, starvedAt, lacksIn, mayFitIn } = job;
    if (lacksIn.length > 0 && job.template.gang !== null)
      Object.assign(of(id), { lacksIn, ...(mayFitIn.length > 0 && { mayFitIn }) });
    if (starvedAt === null) continue;
    // Only of what is fragmented is it a time that counts; once written it stays, as the reason may change often.
    if (reason === "fragmented" || waits.get(id)?.starvedAt === starvedAt) of(id).starvedAt = starvedAt;
  }
  return present;
}

/** Since when work waits that could be given back and no node is up: a part of a gang can't, until the rest has ended. */
export function noteNoNodes(memory: ClusterMemory, now: number): void {
  const { noNodesSince } = memory.self;
  const isSo =
    memory.nodeAccounts.counts(now).up === 0 && memory.waitingJobs().some((job) => returnable(job).length > 0);
  if (isSo === (noNodesSince !== null)) return;
  memory.self = { ...memory.self, noNodesSince: isSo ? now : null };
  memory.store.saveSelf(memory.self);
}

/** How long work has waited while no node is up, ms; 0: some is. */
export const noNodesMs = ({ self: { noNodesSince } }: ClusterMemory, now: number): number =>
  noNodesSince === null ? 0 : Math.max(0, now - noNodesSince);
