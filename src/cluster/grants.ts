/** Takes in what the Broker says of jobs: each grant is a level, applied iff its `gen` is higher. */
import { handoutOf } from "../model/ids.ts";
import { contains, intersect, normalize, type Range, type Ranges, subtract, take } from "../model/ranges.ts";
import type { Grant, Returned, Supply } from "../protocol/levels.ts";
import { stopGang } from "./ends.ts";
import { gangsWaiting, isWhole, rangeOf, returnable, standingOf } from "./gang.ts";
import type { ClusterMemory } from "./memory.ts";
import { letGo } from "./moving.ts";
import { addReturned } from "./returns.ts";
import {
  cancelWaiting,
  claimOf,
  type JobState,
  jobState,
  limitOf,
  partitionsFor,
  type Stock,
  stockSize,
  stockUp,
} from "./state.ts";
import { unfold } from "./use.ts";

export function applyGrants(memory: ClusterMemory, incarnation: number, grants: readonly Grant[], now: number): void {
  if (incarnation < memory.self.broker) return;
  if (incarnation > memory.self.broker) {
    memory.self = { ...memory.self, broker: incarnation };
    memory.store.saveSelf(memory.self);
  }
  for (const grant of grants) applyGrant(memory, grant, now);
}

function applyGrant(memory: ClusterMemory, grant: Grant, now: number): void {
  // A job that was over may be told of again: by a Broker that was restored, or by a copy that comes late.
  const row = memory.jobs.has(grant.job) ? undefined : memory.store.grant(grant.job);
  const known = row ? memory.jobOf(row) : memory.jobs.get(grant.job);
  if (known && known.gen >= grant.gen) return;
  if (row?.ended) unfold(memory, row);
  const job = known ?? newJob(grant);
  if (!known && grant.supply.some((entry) => entry.recover)) memory.startRecovery();
  const newest = Math.max(0, ...job.supply.map(({ handout }) => handout));
  job.gen = grant.gen;
  job.action = grant.action;
  job.limits = grant.limits;
  job.supply = grant.supply;
  job.claim = grant.claim ?? null;
  job.yields = grant.yields ?? null;
  job.returned = stillReturned(job.returned, grant.supply);
  stockUp(job, (index) => handedOut(job, index));
  const fresh = grant.supply.filter(({ handout, recover }) => handout > newest && !recover);
  memory.arrived(
    job,
    fresh.reduce((n, { from, to }) => n + to - from, 0),
  );
  if (job.action === "cancel") {
    for (const index of job.retry.keys()) memory.store.setTaskState(job.id, index, "cancelled");
    cancelWaiting(job);
  } else if (job.template.gang === null) {
    returnSurplus(job);
    returnRecalled(memory, job, grant.recall ?? 0);
  } else {
    returnSurplusGangs(memory, job);
    returnRecalledGangs(memory, job, grant.recall ?? 0);
  }
  letGo(memory, job, grant.moved ?? [], now);
  job.dirty = "now";
  memory.putJob(job);
  memory.saveGrant(job);
}

const newJob = (grant: Grant): JobState =>
  jobState(
    { ...grant, gen: 0, supply: [], returned: [], ended: false, claim: null, yields: null, launched: null },
    [],
    [],
    0,
  );

const handedOut = (job: JobState, index: number): number => {
  const live = job.live.get(index);
  if (live) return handoutOf(live.epoch);
  return job.retry.get(index)?.handout ?? 0;
};

/** A return is repeated until a gen omits it, or supplies the index anew. */
function stillReturned(returned: readonly Returned[], supply: readonly Supply[]): Returned[] {
  return returned.flatMap((entry) => {
    const same = supply.filter((s) => s.handout === entry.handout).map((s): Range => [s.from, s.to]);
    const kept: Ranges = intersect([[entry.from, entry.to]], same);
    return kept.map(([from, to]) => ({ ...entry, from, to }));
  });
}

/** Supply is about twice the limit; what is far beyond it another cluster may run sooner. Never handed out: safe to return. */
function returnSurplus(job: JobState): void {
  let surplus = stockSize(job.fresh) - 4 * (limitOf(job) + claimOf(job)) - 4;
  for (let i = job.fresh.length - 1; i >= 0 && surplus > 0; i--) {
    const stock = job.fresh[i];
    if (!stock) continue;
    const size = stockSize([stock]);
    const [kept, given] = take(stock.ranges, Math.max(0, size - surplus));
    surplus -= size - stockSize([{ ...stock, ranges: kept }]);
    stock.ranges = kept;
    job.returned = [
      ...job.returned,
      ...given.map(
        ([from, to]): Returned => ({
          from,
          to,
          handout: stock.handout,
          attemptsUsed: stock.attemptsUsed,
          reason: "surplus",
        }),
      ),
    ];
  }
  job.fresh = job.fresh.filter((stock) => stock.ranges.length > 0);
}

const without = (stock: readonly Stock[], taken: Ranges): Stock[] =>
  stock.map((entry) => ({ ...entry, ranges: subtract(entry.ranges, taken) })).filter(({ ranges }) => ranges.length > 0);

/** The same in whole gangs, the last ones first. */
function returnSurplusGangs(memory: ClusterMemory, job: JobState): void {
  let surplus = stockSize(job.fresh) - 4 * (limitOf(job) + claimOf(job)) - 4;
  const within: Range[] = [];
  for (const number of gangsWaiting(job).reverse()) {
    const standing = standingOf(job, number);
    const isFresh = isWhole(standing) && standing.waiting.every((index) => !job.retry.has(index));
    if (!isFresh || standing.waiting.length > surplus) continue;
    within.push(rangeOf(job, number));
    surplus -= standing.waiting.length;
  }
  if (within.length > 0) returnWaiting(memory, job, "surplus", normalize(within));
}

/** Tasks that wait here beyond what may run, as far as they are wanted elsewhere and not on their way already. */
function recalledOf(job: JobState, recall: number): number {
  const returned = job.returned.reduce((n, { from, to }) => n + to - from, 0);
  const waiting = stockSize(job.fresh) + job.retry.size;
  const keeps = Math.max(0, limitOf(job) + claimOf(job) - job.live.size);
  return Math.max(0, Math.min(recall - returned, waiting - keeps));
}

/** First what was never handed out, the last ones first; then what would be tried again soonest. */
function returnRecalled(memory: ClusterMemory, job: JobState, recall: number): void {
  const tasks = recalledOf(job, recall);
  if (tasks === 0) return;
  const fresh = normalize(job.fresh.flatMap(({ ranges }) => ranges));
  const size = stockSize(job.fresh);
  const [, given] = take(fresh, Math.max(0, size - tasks));
  const again = [...job.retry.values()].sort((a, b) => a.notBefore - b.notBefore).slice(0, Math.max(0, tasks - size));
  const within = normalize([...given, ...again.map(({ index }): Range => [index, index + 1])]);
  returnWaiting(memory, job, "surplus", within);
}

/** The same in whole gangs, the last ones first. */
function returnRecalledGangs(memory: ClusterMemory, job: JobState, recall: number): void {
  let tasks = recalledOf(job, recall);
  const within: Range[] = [];
  for (const number of gangsWaiting(job).reverse()) {
    const standing = standingOf(job, number);
    if (!isWhole(standing) || standing.waiting.length > tasks) continue;
    within.push(rangeOf(job, number));
    tasks -= standing.waiting.length;
  }
  if (within.length > 0) returnWaiting(memory, job, "surplus", normalize(within));
}

/** Gives back what was never handed out and what waits for another try: no node here could run it. Gangs go whole. */
export function returnWaiting(
  memory: ClusterMemory,
  job: JobState,
  reason: Returned["reason"],
  within: Ranges = returnable(job),
  partitions = partitionsFor(job),
): void {
  const returned: Returned[] = [];
  for (const { ranges, handout, attemptsUsed } of job.fresh) {
    for (const [from, to] of intersect(ranges, within))
      returned.push({ from, to, handout, attemptsUsed, reason, partitions });
  }
  for (const { index, handout, attemptsUsed } of [...job.retry.values()]) {
    if (!contains(within, index)) continue;
    returned.push({ from: index, to: index + 1, handout, attemptsUsed, reason, partitions });
    job.retry.delete(index);
    memory.store.setTaskState(job.id, index, "returned");
  }
  if (returned.length === 0) return;
  if (reason === "fragmented") {
    job.reason = reason;
    job.lacksIn = [...new Set([...job.lacksIn, ...partitions])];
    job.mayFitIn = job.mayFitIn.filter((name) => !partitions.includes(name));
    memory.fragmented.add(job);
  }
  job.fresh = without(job.fresh, within);
  addReturned(memory, job, returned);
  // What comes next has waited for nothing yet.
  if (job.fresh.length === 0 && job.retry.size === 0) Object.assign(job, { starvedAt: null, awaitsSince: null });
  job.dirty = "now";
  memory.saveGrant(job);
}

/** Limbo that stayed unclaimed as long as an attempt could run unrenewed, and of which no end is told. */
export function returnLimbo(memory: ClusterMemory, job: JobState): void {
  const held = normalize([...job.heldEnds.keys()].map((index): Range => [index, index + 1]));
  const lost = job.limbo.flatMap(({ ranges, handout, attemptsUsed }) =>
    subtract(ranges, held).map(([from, to]): Returned => ({ from, to, handout, attemptsUsed, reason: "agent-lost" })),
  );
  if (lost.length === 0) return;
  addReturned(memory, job, lost);
  for (const { from, to } of lost) {
    for (let index = from; index < to; index++) {
      memory.store.setTaskState(job.id, index, "returned");
      stopGang(memory, job, index);
    }
  }
  job.limbo = job.limbo
    .map((stock) => ({ ...stock, ranges: intersect(stock.ranges, held) }))
    .filter(({ ranges }) => ranges.length > 0);
  job.dirty = "now";
  memory.saveGrant(job);
}
