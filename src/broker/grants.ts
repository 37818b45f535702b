/** What each cluster may run of each job: brought to what a round wants, and sent until the Cluster has applied it. */
import { type PartitionKey, parsePartitionKey } from "../model/partition.ts";
import type { Claim, Counts, Grant } from "../protocol/levels.ts";
import type { RoundResult } from "../scheduling/input.ts";
import type { JobBook } from "./book.ts";
import type { Fleet } from "./fleet.ts";
import { firstGen } from "./generation.ts";
import { lacks, type MayRun, recallsOf } from "./recall.ts";
import type { Restored } from "./restored.ts";
import type { Shares } from "./shares.ts";
import {
  charged,
  claimed,
  type GrantState,
  isApplied,
  isLeft,
  type JobMemory,
  leavingTwice,
  movedFrom,
  sumOf,
  unitOf,
} from "./state.ts";
import type { BrokerStore } from "./store.ts";
import { apart, draw, type Queued, queueSize, rangesOf, requeue, supplySize } from "./supply.ts";

type Decided = Pick<RoundResult, "limits" | "claims" | "yields">;
type Terms = Pick<Claim, "graceMs" | "minRunMs">;

export class Grants {
  readonly #book: JobBook;
  readonly #fleet: Fleet;
  readonly #shares: Shares;
  readonly #restored: Restored;
  readonly #store: BrokerStore;
  readonly #generation: number;
  sent = 0;

  constructor(book: JobBook, fleet: Fleet, shares: Shares, restored: Restored, store: BrokerStore, generation: number) {
    this.#book = book;
    this.#fleet = fleet;
    this.#shares = shares;
    this.#restored = restored;
    this.#store = store;
    this.#generation = generation;
  }

  follow(decided: Decided, now: number): void {
    const terms = this.#terms;
    for (const job of this.#book.live()) {
      if (job.state === "cancelling") continue;
      const byCluster = levelsOf(decided, job, terms);
      const mayRun: MayRun = (name) => mayRunBy(byCluster.get(name) ?? NO_LEVEL);
      const names = [...new Set([...byCluster.keys(), ...job.grants.keys()])];
      let lacking = names.reduce((n, name) => n + lacks(job, name, mayRun), 0);
      for (const name of names) {
        const level = byCluster.get(name) ?? NO_LEVEL;
        lacking -= lacks(job, name, mayRun);
        this.#grantTo(job, name, level, lacking);
        const grant = job.grants.get(name);
        if (grant) grant.claimedAt = level.claim === null ? null : (grant.claimedAt ?? now);
      }
      this.#recall(job, names, mayRun);
    }
  }

  /** What waits where it can't run comes back, as far as other clusters have room for it and the queue has none. */
  #recall(job: JobMemory, names: readonly string[], mayRun: MayRun): void {
    const [queued] = apart(job.queue, leavingTwice(job));
    const lacking = names.reduce((n, name) => n + lacks(job, name, mayRun), 0) - queueSize(queued);
    const recalls = recallsOf(job, this.#restored.holds(job) ? 0 : lacking, mayRun);
    for (const grant of job.grants.values()) {
      const recall = recalls.get(grant.cluster) ?? 0;
      if (recall !== grant.recall) this.#change(grant, { recall });
    }
  }

  /**
   * More of the same, as tasks have ended there. What a round no longer wants of a cluster that has nothing left is not
   * told to it, so its last grant may say more than what was decided since.
   */
  topUp(job: JobMemory, cluster: string, decided: Decided): void {
    const levels = levelsOf(decided, job, this.#terms);
    const mayRun: MayRun = (name) => mayRunBy(levels.get(name) ?? NO_LEVEL);
    const others = [...job.grants.keys()].filter((name) => name !== cluster);
    const lacking = others.reduce((n, name) => n + lacks(job, name, mayRun), 0);
    this.#grantTo(job, cluster, levels.get(cluster) ?? NO_LEVEL, lacking);
  }

  get #terms(): Terms {
    const { graceMs, minRunMs } = this.#shares.settings;
    return { graceMs, minRunMs };
  }

  /**
   * Brings limits and supply of one (job, cluster) to what the round wants.
   * @param lacking tasks that other clusters could run at once: nobody draws these ahead
   */
  #grantTo(job: JobMemory, cluster: string, { limits, claim, yields }: Level, lacking: number): void {
    const grant = job.grants.get(cluster) ?? this.#newGrant(job, cluster);
    const limit = mayRunBy({ limits, claim });
    const held = supplySize(grant.supply);
    // A gang that waits for another's end had better wait where it may go anywhere.
    const extra = unitOf(job) > 1 ? 0 : Math.min(limit, 2 * grant.recentEnds);
    const mayDraw = limit > 0 && !this.#restored.holds(job);
    const [queued, doubled] = mayDraw ? apart(job.queue, leavingTwice(job)) : [[], job.queue];
    const ahead = Math.min(limit + extra - held, queueSize(queued) - lacking);
    const missing = mayDraw ? Math.min(Math.max(limit - held, ahead), queueSize(queued)) : 0;
    const wants = missing > 0 && (held < limit || held < limit + extra / 2);
    const { queue, drawn } = wants ? this.#draw(job, cluster, missing, queued) : { queue: queued, drawn: [] };
    const draws = drawn.length > 0;
    const isAsBefore = isSameCounts(grant.limits, limits) && isSame(grant.claim, claim) && isSame(grant.yields, yields);
    if (!draws && (isAsBefore || held === 0)) return;
    job.grants.set(cluster, grant);
    let supply = grant.supply;
    if (draws) {
      job.queue = requeue(queue, doubled);
      job.nextHandout += 1;
      this.#book.changed(job);
      this.#shares.entered(job.template.role, job.template.resources, supplySize(drawn));
      supply = [...supply, ...drawn];
    }
    this.#change(grant, { action: "run", limits, supply, claim, yields });
  }

  #draw(job: JobMemory, cluster: string, tasks: number, queue: readonly Queued[]): ReturnType<typeof draw> {
    const gang = unitOf(job);
    return draw(queue, tasks, {
      handout: job.nextHandout,
      incarnation: this.#fleet.incarnation(cluster),
      gang,
      elsewhere: gang === 1 ? [] : rangesOf([...job.grants.values()].flatMap(({ supply }) => supply)),
    });
  }

  #newGrant(job: JobMemory, cluster: string): GrantState {
    return {
      job: job.id,
      cluster,
      gen: firstGen(this.#generation),
      action: "run",
      limits: {},
      supply: [],
      incarnation: 0,
      rev: 0,
      reported: null,
      barredIn: {},
      claim: null,
      yields: null,
      oldLimits: {},
      recentEnds: 0,
      recall: 0,
      sent: false,
      claimedAt: null,
    };
  }

  cancel(job: JobMemory): void {
    for (const grant of job.grants.values()) {
      if (grant.supply.length > 0 || isLeft(grant))
        this.#change(grant, { action: "cancel", limits: {}, claim: null, yields: null, recall: 0 });
    }
  }

  #change(
    grant: GrantState,
    level: Partial<Pick<GrantState, "action" | "limits" | "supply" | "claim" | "yields" | "recall">>,
  ): void {
    grant.oldLimits = charged(grant);
    Object.assign(grant, level, { gen: grant.gen + 1, sent: false });
    this.#book.changedGrant(grant);
  }

  /** An answer repeats what the Cluster has not confirmed: nobody tells when an answer is lost. */
  unsent(cluster: string, which: "only" | "and unconfirmed" = "only"): Grant[] {
    const grants: Grant[] = [];
    for (const job of this.#book.live()) {
      const grant = job.grants.get(cluster);
      if (!grant || isApplied(grant) || (grant.sent && which === "only")) continue;
      grant.sent = true;
      grants.push(this.#wire(job, grant));
    }
    this.sent += grants.length;
    return grants;
  }

  /** A call with it failed: its outcome is unknown. */
  failed(cluster: string, { job, gen }: Pick<Grant, "job" | "gen">): void {
    const grant = this.#book.get(job)?.grants.get(cluster);
    if (grant?.gen === gen) grant.sent = false;
  }

  /** A message may have been lost without anyone having been told. */
  sendAgain(): void {
    for (const job of this.#book.live())
      for (const grant of job.grants.values()) if (!isApplied(grant)) grant.sent = false;
  }

  #wire(job: JobMemory, grant: GrantState): Grant {
    const incarnation = this.#fleet.incarnation(grant.cluster);
    const moved = movedFrom(job, grant);
    return {
      job: job.id,
      gen: grant.gen,
      action: grant.action,
      limits: grant.limits,
      template: job.template,
      ...(grant.claim && { claim: grant.claim }),
      ...(grant.yields && { yields: grant.yields }),
      ...(moved.length > 0 && { moved }),
      ...(grant.recall > 0 && { recall: grant.recall }),
      supply: grant.supply.map(({ incarnation: given, ...entry }) => ({
        ...entry,
        ...(job.hasItems && { items: this.#store.items(job.id, entry.from, entry.to) }),
        ...(given !== 0 && given < incarnation && { recover: true }),
      })),
    };
  }
}

/** What a cluster is told of a job by a round. */
type Level = Pick<GrantState, "limits" | "claim" | "yields">;
const NO_LEVEL: Level = { limits: {}, claim: null, yields: null };

/** What room is made for is there when it is. */
const mayRunBy = ({ limits, claim }: Pick<Level, "limits" | "claim">): number =>
  sumOf(limits) + sumOf(claimed({ claim }));

/** By cluster, in tasks. */
function levelsOf({ limits, claims, yields }: Decided, job: JobMemory, terms: Terms): Map<string, Level> {
  // A round counts in units.
  const unit = unitOf(job);
  const inKind = byCluster(claims.get(job.id), (one) => (one.inKind ? 1 : 0));
  const own = byCluster(claims.get(job.id), (one) => one.own * unit);
  const priority = byCluster(claims.get(job.id), (one) => one.priority * unit);
  const lent = byCluster(yields.get(job.id), (one) => one.lent * unit);
  const lower = byCluster(yields.get(job.id), (one) => one.lower * unit);
  const keep = byCluster(yields.get(job.id), (one) => one.keep * unit);
  const counts = byCluster(limits.get(job.id), (limit) => limit * unit);
  const levels = new Map<string, Level>();
  for (const name of new Set([own, priority, lent, lower, counts].flatMap((one) => [...one.keys()]))) {
    const claim: Claim = {
      own: own.get(name) ?? {},
      priority: priority.get(name) ?? {},
      ...(inKind.has(name) && { inKind: true }),
      ...terms,
    };
    levels.set(name, {
      limits: counts.get(name) ?? {},
      claim: own.has(name) || priority.has(name) ? claim : null,
      yields:
        lent.has(name) || lower.has(name)
          ? { lent: lent.get(name) ?? {}, lower: lower.get(name) ?? {}, keep: keep.get(name) ?? {} }
          : null,
    });
  }
  return levels;
}

/** By cluster and partition, what is more than nothing. */
function byCluster<T>(
  byKey: ReadonlyMap<PartitionKey, T> | undefined,
  countOf: (one: T) => number,
): Map<string, Record<string, number>> {
  const counts = new Map<string, Record<string, number>>();
  for (const [key, one] of byKey ?? []) {
    const count = countOf(one);
    if (count === 0) continue;
    const { cluster, partition } = parsePartitionKey(key);
    const there = counts.get(cluster) ?? {};
    there[partition] = count;
    counts.set(cluster, there);
  }
  return counts;
}

const isSameCounts = (a: Counts, b: Counts): boolean =>
  Object.keys({ ...a, ...b }).every((name) => (a[name] ?? 0) === (b[name] ?? 0));

/** Each is made in the same way, from the same order of partitions; another order is told once for nothing. */
const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
