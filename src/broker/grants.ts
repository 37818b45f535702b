/** What each cluster may run of each job: brought to what a round wants, and sent until the Cluster has applied it. */
import { type PartitionKey, parsePartitionKey } from "../model/partition.ts";
import type { Counts, Grant } from "../protocol/levels.ts";
import type { Limits } from "../scheduling/input.ts";
import type { JobBook } from "./book.ts";
import type { Fleet } from "./fleet.ts";
import { firstGen } from "./generation.ts";
import type { Restored } from "./restored.ts";
import type { Shares } from "./shares.ts";
import {
  charged,
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

  follow(limits: Limits): void {
    for (const job of this.#book.live()) {
      if (job.state === "cancelling") continue;
      const byCluster = clusterCounts(limits.get(job.id) ?? new Map(), unitOf(job));
      for (const name of new Set([...byCluster.keys(), ...job.grants.keys()])) {
        this.#grantTo(job, name, byCluster.get(name) ?? {});
      }
    }
  }

  /** More of the same, as tasks have ended there. */
  topUp(job: JobMemory, cluster: string): void {
    this.#grantTo(job, cluster, job.grants.get(cluster)?.limits ?? {});
  }

  /** Brings limits and supply of one (job, cluster) to what the round wants. */
  #grantTo(job: JobMemory, cluster: string, limits: Counts): void {
    const grant = job.grants.get(cluster) ?? this.#newGrant(job, cluster);
    const limit = sumOf(limits);
    const held = supplySize(grant.supply);
    // A gang that waits for another's end had better wait where it may go anywhere.
    const extra = unitOf(job) > 1 ? 0 : Math.min(limit, 2 * grant.recentEnds);
    const mayDraw = limit > 0 && !this.#restored.holds(job);
    const [queued, doubled] = mayDraw ? apart(job.queue, leavingTwice(job)) : [[], job.queue];
    const missing = mayDraw ? Math.min(limit + extra - held, queueSize(queued)) : 0;
    const wants = missing > 0 && (held < limit || held < limit + extra / 2);
    const { queue, drawn } = wants ? this.#draw(job, cluster, missing, queued) : { queue: queued, drawn: [] };
    const draws = drawn.length > 0;
    const limitsChanged = !isSameCounts(grant.limits, limits) && (held > 0 || draws);
    if (!draws && !limitsChanged) return;
    job.grants.set(cluster, grant);
    let supply = grant.supply;
    if (draws) {
      job.queue = requeue(queue, doubled);
      job.nextHandout += 1;
      this.#book.changed(job);
      this.#shares.entered(job.template.role, job.template.resources, supplySize(drawn));
      supply = [...supply, ...drawn];
    }
    this.#change(grant, { action: "run", limits, supply });
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
      sent: false,
    };
  }

  cancel(job: JobMemory): void {
    for (const grant of job.grants.values()) {
      if (grant.supply.length > 0 || isLeft(grant)) this.#change(grant, { action: "cancel", limits: {} });
    }
  }

  #change(grant: GrantState, level: Partial<Pick<GrantState, "action" | "limits" | "supply">>): void {
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
      supply: grant.supply.map(({ incarnation: given, ...entry }) => ({
        ...entry,
        ...(job.hasItems && { items: this.#store.items(job.id, entry.from, entry.to) }),
        ...(given !== 0 && given < incarnation && { recover: true }),
      })),
    };
  }
}

/** Limits by cluster and partition, in tasks. @param limits in units of so many tasks */
function clusterCounts(limits: ReadonlyMap<PartitionKey, number>, unit: number): Map<string, Record<string, number>> {
  const byCluster = new Map<string, Record<string, number>>();
  for (const [key, limit] of limits) {
    const { cluster, partition } = parsePartitionKey(key);
    const counts = byCluster.get(cluster) ?? {};
    counts[partition] = limit * unit;
    byCluster.set(cluster, counts);
  }
  return byCluster;
}

const isSameCounts = (a: Counts, b: Counts): boolean =>
  Object.keys({ ...a, ...b }).every((name) => (a[name] ?? 0) === (b[name] ?? 0));
