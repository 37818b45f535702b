/**
 * The Broker of a league: jobs, shares, grants and tokens. It deals in counts and never in tasks: one row per (job,
 * cluster). A thin shell over the pure steps beside it; every entry is one turn that ends in `#settle`.
 */

import { type JobSpec, taskCount, templateOf } from "../model/job.ts";
import { type PartitionKey, parsePartitionKey } from "../model/partition.ts";
import { Problem } from "../model/problems.ts";
import { isTerminal } from "../model/states.ts";
import type { EventView, ExplainView, JobView, RoleView } from "../model/views.ts";
import type { ObjectRef, Outcome, Platform, SocketId, Turns } from "../platform/seam.ts";
import type { Counts, Grant, GrantMessage, Report, ReportAnswer, ReturnReason } from "../protocol/levels.ts";
import { Access } from "./access.ts";
import { Fleet } from "./fleet.ts";
import { firstGen, firstHandout } from "./generation.ts";
import { Ledger } from "./ledger.ts";
import type { BrokerMethods, WatchEvents } from "./methods.ts";
import { Rounds } from "./rounds.ts";
import { Shares } from "./shares.ts";
import {
  countsOf,
  type GrantState,
  highestOf,
  isApplied,
  type JobMemory,
  jobMemory,
  jobView,
  liveOf,
  stateOf,
  sumOf,
  terminalOf,
} from "./state.ts";
import { BrokerStore, type EventBody } from "./store.ts";
import {
  afterReport,
  all,
  draw,
  merge,
  NOTHING,
  queueSize,
  rangesOf,
  requeue,
  supplySize,
  terminalSize,
} from "./supply.ts";

/** Grants whose call failed are sent again. */
const RESEND_MS = 1_000;
/** Broker and Clusters poke each other while there is work, should a message or an alarm have been lost. */
const POKE_MS = 180_000;
/** An alarm that is late by more was lost. */
const OVERDUE_MS = 5_000;
/** Beyond so many reports a second from one cluster, the next may come a little later. */
const REPORTS_PER_S = 40;
const PACE_MS = 25;
const WATCH_BATCH = 5_000;
/** Hand-outs and gens that an older copy of these rows may have given away before it was lost. */
const RESTORE_LEAP = 2 ** 20;
/** Ticks are never longer, so that our own outages count at most one. */
const HOLD_TICK_MS = 5_000;
/** `sinceRestoreMs` when nothing waits for it. */
const NOT_RESTORED = -1;
/** Returns that say: not there, as things are. */
const BARRING = new Set<ReturnReason>(["does-not-fit", "fragmented", "refused"]);

/** Limits by cluster and partition. */
function clusterCounts(limits: ReadonlyMap<PartitionKey, number>): Map<string, Record<string, number>> {
  const byCluster = new Map<string, Record<string, number>>();
  for (const [key, limit] of limits) {
    const { cluster, partition } = parsePartitionKey(key);
    const counts = byCluster.get(cluster) ?? {};
    counts[partition] = limit;
    byCluster.set(cluster, counts);
  }
  return byCluster;
}

const isSameCounts = (a: Counts, b: Counts): boolean =>
  Object.keys({ ...a, ...b }).every((name) => (a[name] ?? 0) === (b[name] ?? 0));

export class Broker implements Turns {
  readonly #platform: Platform;
  readonly #store: BrokerStore;
  readonly #access: Access;
  readonly #fleet: Fleet;
  readonly #shares: Shares;
  readonly #rounds: Rounds;
  readonly #ledger: Ledger;
  readonly #jobs = new Map<string, JobMemory>();
  readonly #watchers = new Map<SocketId, { job: string | null }>();
  readonly #reportTimes = new Map<string, number[]>();
  #incarnation: number;
  #sinceRestoreMs: number;
  #restoredOrdinal: number;
  #lastTickAt: number;
  #ordinal: number;
  readonly #unsavedJobs = new Set<JobMemory>();
  readonly #unsavedGrants = new Set<GrantState>();
  #fresh: EventView[] = [];
  #progressed = new Set<string>();
  #alarmAt: number | null = null;
  #pokeAt: number;
  #grantsSent = 0;

  constructor(platform: Platform) {
    this.#platform = platform;
    const now = platform.now();
    this.#store = new BrokerStore(platform.sql);
    const known = this.#store.self();
    const restored = known !== undefined && known.generation !== platform.generation;
    this.#incarnation = known && !restored ? known.incarnation : Math.max(now, (known?.incarnation ?? 0) + 1);
    this.#sinceRestoreMs = restored ? 0 : (known?.sinceRestoreMs ?? NOT_RESTORED);
    this.#lastTickAt = now;
    this.#ordinal = this.#store.newestOrdinal();
    this.#restoredOrdinal = restored ? this.#ordinal : (known?.restoredOrdinal ?? 0);
    this.#access = new Access(this.#store);
    this.#fleet = new Fleet(this.#store);
    this.#shares = new Shares(this.#store, now);
    this.#ledger = new Ledger(this.#store);
    this.#rounds = new Rounds(this.#fleet, this.#shares, this.#ledger, platform.solver, now);
    for (const row of this.#store.liveJobs()) this.#jobs.set(row.id, jobMemory(row, this.#store.grantsOf(row.id)));
    if (restored) this.#leap();
    if (!known || restored) this.#saveSelf();
    for (const { id, data } of platform.sockets.list())
      if (data) this.#watchers.set(id, data as { job: string | null });
    this.#pokeAt = now + POKE_MS;
    this.#settle(now, null);
  }

  /** These rows are older than what the league has seen: nothing given out again may carry an old number. */
  #leap(): void {
    for (const job of this.#jobs.values()) {
      job.nextHandout = Math.max(job.nextHandout + RESTORE_LEAP, firstHandout(this.#platform.generation));
      this.#store.updateJob(job);
      for (const grant of job.grants.values()) {
        grant.gen = Math.max(grant.gen + RESTORE_LEAP, firstGen(this.#platform.generation));
        this.#store.saveGrant(grant);
      }
    }
  }

  #saveSelf(): void {
    this.#store.saveSelf({
      incarnation: this.#incarnation,
      generation: this.#platform.generation,
      sinceRestoreMs: this.#sinceRestoreMs,
      restoredOrdinal: this.#restoredOrdinal,
    });
  }

  /** What was handed out after the backup may still run: clocks are not compared, ticks are counted. */
  #tickHold(now: number): void {
    if (this.#sinceRestoreMs === NOT_RESTORED) return;
    this.#sinceRestoreMs += Math.max(0, Math.min(now - this.#lastTickAt, HOLD_TICK_MS));
    this.#saveSelf();
  }

  /** Something of the job that these rows do not know may still run. */
  #isHeld(job: JobMemory): boolean {
    if (this.#sinceRestoreMs === NOT_RESTORED || job.ordinal > this.#restoredOrdinal) return false;
    return this.#sinceRestoreMs < (job.template.lostAfterMs ?? 0);
  }

  // Entries.

  call(method: string, args: unknown): unknown {
    const now = this.#platform.now();
    type Args<M extends keyof BrokerMethods> = Parameters<BrokerMethods[M]>[0];
    if (method === "report") return this.#report(args as Report, now);
    const answer = this.#answer(method as keyof BrokerMethods, args as Args<keyof BrokerMethods>, now);
    this.#settle(now, null);
    return answer;
  }

  #answer(method: keyof BrokerMethods, args: unknown, now: number): unknown {
    // One switch, so that each method's arguments have their type.
    type Args<M extends keyof BrokerMethods> = Parameters<BrokerMethods[M]>[0];
    switch (method) {
      case "auth":
        return this.#access.auth(args as Args<"auth">, now);
      case "createToken": {
        const token = this.#access.create(args as Args<"createToken">, now);
        this.#emit(now, { type: "token.created", detail: `${token.scope} ${token.id}` });
        return token;
      }
      case "listTokens":
        return this.#access.list(args as Args<"listTokens">);
      case "revokeToken": {
        const token = this.#access.revoke((args as Args<"revokeToken">).id, now);
        this.#emit(now, { type: "token.revoked", detail: `${token.scope} ${token.id}` });
        return token;
      }
      case "redeemJoin":
        return this.#access.redeemJoin(args as Args<"redeemJoin">, (name) => this.#fleet.has(name), now);
      case "submit":
        return this.#submit(args as Args<"submit">, now);
      case "job":
        return this.#view((args as Args<"job">).id);
      case "jobs":
        return this.#list(args as Args<"jobs">);
      case "cancel":
        return this.#cancel((args as Args<"cancel">).id, now);
      case "explain":
        return this.#explain((args as Args<"explain">).id);
      case "placesOf": {
        const job = this.#find((args as Args<"placesOf">).id);
        return { clusters: [...job.grants.keys()].sort(), count: job.count, items: job.hasItems };
      }
      case "createCluster": {
        const made = this.#fleet.create(args as Args<"createCluster">, now);
        if (made.isNew) this.#emit(now, { type: "cluster.created", cluster: made.view.name });
        return made.view;
      }
      case "removeCluster": {
        const view = this.#fleet.remove((args as Args<"removeCluster">).name, this.#jobs.values());
        this.#emit(now, { type: "cluster.removed", cluster: view.name });
        return view;
      }
      case "clusters":
        return this.#fleet.list(args as Args<"clusters">, this.#jobs.values());
      case "cluster":
        return this.#fleet.view((args as Args<"cluster">).name, this.#jobs.values());
      case "roles":
        return this.#shares.views(this.#fleet.partitions(), this.#jobs.values(), this.#rounds.result);
      case "role":
        return this.#roleView((args as Args<"role">).name);
      case "putRole": {
        const { name, policy } = args as Args<"putRole">;
        if (this.#shares.put(name, policy)) this.#emit(now, { type: "role.changed", detail: name });
        this.#round(now);
        return this.#roleView(name);
      }
      case "removeRole": {
        const { name } = args as Args<"removeRole">;
        this.#shares.remove(name);
        this.#emit(now, { type: "role.removed", detail: name });
        this.#round(now);
        return this.#roleView(name);
      }
      case "league":
        return this.#shares.settings;
      case "changeLeague": {
        if (this.#shares.change(args as Args<"changeLeague">)) this.#emit(now, { type: "league.changed" });
        this.#round(now);
        return this.#shares.settings;
      }
      case "ledger":
        return this.#ledger.view();
      case "events": {
        const { since, limit, job } = args as Args<"events">;
        return this.#store.events(since, limit, job);
      }
      case "metrics":
        return this.#metrics(now);
      default:
        throw new Problem("not-found", `a Broker has no method ${method}`);
    }
  }

  message(socket: SocketId, message: unknown): void {
    const { since, job } = (message as WatchEvents).watch;
    const watch = { job };
    this.#watchers.set(socket, watch);
    this.#platform.sockets.attach(socket, watch);
    const events = since === null ? [] : this.#store.events(since, WATCH_BATCH, job).events;
    const watched = job === null ? null : (this.#jobs.get(job) ?? this.#ended(job));
    const state = watched === null ? [] : [this.#progressOf(watched, this.#platform.now())];
    this.#platform.sockets.send(socket, [...events, ...state]);
    // The reader goes on from the last one it got.
    if (events.length === WATCH_BATCH) this.#platform.sockets.close(socket);
  }

  closed(socket: SocketId): void {
    this.#watchers.delete(socket);
  }

  alarm(): void {
    const now = this.#platform.now();
    this.#alarmAt = null;
    this.#tickHold(now);
    this.#lastTickAt = now;
    if (now >= this.#pokeAt) {
      this.#pokeAt = now + POKE_MS;
      for (const job of this.#jobs.values())
        for (const grant of job.grants.values()) if (!isApplied(grant)) grant.sent = false;
      if (this.#jobs.size > 0) this.#pokeClusters();
      this.#shares.save();
    }
    this.#round(now);
    if (this.#rounds.optimise(now)) {
      this.#round(now);
      const decided = this.#rounds.view();
      if (decided) this.#emit(now, { type: "round.decided", round: decided });
    }
    this.#settle(now, null);
  }

  result(to: ObjectRef, method: string, args: unknown, outcome: Outcome): void {
    if (method !== "grant" || outcome.ok) return;
    for (const { job, gen } of (args as GrantMessage).grants) {
      const grant = this.#jobs.get(job)?.grants.get(to.name);
      if (grant?.gen === gen) grant.sent = false;
    }
    this.#setAlarm(this.#platform.now() + RESEND_MS);
  }

  // Jobs.

  #submit({ id, digest, spec }: { id: string; digest: string; spec: JobSpec }, now: number): JobView {
    const known = this.#jobs.get(id) ?? this.#ended(id);
    if (known) {
      if (known.digest !== digest)
        throw new Problem("idempotency-key-reused", "this Idempotency-Key was used for another job; choose a new key");
      return this.#viewOf(known);
    }
    const unknown = (spec.clusters ?? []).filter((name) => !this.#fleet.has(name));
    if (unknown.length > 0) {
      throw new Problem("invalid-request", `there is no cluster ${unknown.join(", ")} in this league`, {
        errors: [
          {
            field: "clusters",
            message: `no cluster ${unknown.join(", ")}; there are ${this.#fleet.names().join(", ") || "none yet"}`,
          },
        ],
      });
    }
    const count = taskCount(spec);
    const row = {
      id,
      ordinal: ++this.#ordinal,
      digest,
      count,
      template: templateOf(spec),
      clusters: spec.clusters ?? null,
      hasItems: spec.each !== undefined,
      state: "waiting" as const,
      queue: [{ from: 0, to: count, attemptsUsed: 0 }],
      nextHandout: firstHandout(this.#platform.generation),
      banked: NOTHING,
      createdAt: now,
      endedAt: null,
    };
    const job = jobMemory(row, []);
    this.#jobs.set(id, job);
    this.#round(now);
    this.#store.insertJob(job, spec.each ?? null);
    this.#unsavedJobs.delete(job);
    if (job.grants.size === 0) this.#pokeClusters();
    this.#emit(now, { type: "job.submitted", job: id, detail: spec.name ?? "" });
    return this.#viewOf(job);
  }

  #cancel(id: string, now: number): JobView {
    const job = this.#find(id);
    if (isTerminal(job.state) || job.state === "cancelling") return this.#viewOf(job);
    job.state = "cancelling";
    job.banked = merge(job.banked, { ...NOTHING, cancelled: rangesOf(job.queue) });
    job.queue = [];
    for (const grant of job.grants.values()) {
      if (grant.supply.length > 0) this.#regrant(grant, { action: "cancel", limits: {} });
    }
    this.#unsavedJobs.add(job);
    this.#progressed.add(id);
    this.#finishIfOver(job, now);
    this.#round(now);
    return this.#viewOf(job);
  }

  #find(id: string): JobMemory {
    const job = this.#jobs.get(id) ?? this.#ended(id);
    if (!job) throw new Problem("not-found", `there is no job ${id}`);
    return job;
  }

  #ended(id: string): JobMemory | null {
    const row = this.#store.job(id);
    return row ? jobMemory(row, this.#store.grantsOf(id)) : null;
  }

  #view(id: string): JobView {
    return this.#viewOf(this.#find(id));
  }

  #viewOf(job: JobMemory): JobView {
    const counts = countsOf(job);
    const why = counts.waiting > 0 && !isTerminal(job.state) ? this.#rounds.why(job, this.#isHeld(job)) : null;
    return jobView(job, why && { reason: why.reason, detail: why.sentence }, (key) => this.#fleet.ownerOf(key));
  }

  #list(args: { prefix: string; state: string | null; after: string | null; limit: number }) {
    const rows = this.#store.jobs({ ...args, limit: args.limit + 1 });
    const page = rows.slice(0, args.limit);
    return {
      items: page.map((row) => this.#viewOf(this.#jobs.get(row.id) ?? jobMemory(row, this.#store.grantsOf(row.id)))),
      next: rows.length > args.limit ? (page.at(-1)?.id ?? null) : null,
    };
  }

  #explain(id: string): ExplainView {
    const job = this.#find(id);
    const view = this.#viewOf(job);
    return this.#rounds.explain(job, view, this.#isHeld(job), this.#jobs.values());
  }

  #roleView(name: string): RoleView {
    return this.#shares.view(name, this.#fleet.partitions(), this.#jobs.values(), this.#rounds.result);
  }

  #finishIfOver(job: JobMemory, now: number): void {
    const terminal = terminalOf(job);
    const live = [...job.grants.values()].some((grant) => liveOf(grant) > 0 && grant.supply.length > 0);
    if (terminalSize(terminal) < job.count || live) return;
    job.state = terminal.failed.length > 0 ? "failed" : terminal.cancelled.length > 0 ? "cancelled" : "succeeded";
    job.endedAt = now;
    this.#unsavedJobs.add(job);
    this.#jobs.delete(job.id);
    this.#progressed.delete(job.id);
    this.#emit(now, { type: "job.ended", job: job.id, state: job.state, counts: countsOf(job, terminal) });
  }

  // The level protocol.

  #report(report: Report, now: number): ReportAnswer {
    const cluster = this.#fleet.heard(report);
    if (cluster === "unknown") throw new Problem("not-found", `there is no cluster ${report.cluster} in this league`);
    if (cluster === "reborn") this.#recover(report);
    let roundNeeded = cluster !== "same";
    const ended: string[] = [];
    for (const jobReport of report.jobs) {
      const job = this.#jobs.get(jobReport.job);
      if (!job) {
        ended.push(jobReport.job);
        continue;
      }
      const grant = job.grants.get(report.cluster);
      if (grant && this.#heardOf(job, grant, report, jobReport)) {
        roundNeeded = true;
        this.#finishIfOver(job, now);
        if (!this.#jobs.has(job.id)) ended.push(job.id);
      }
    }
    if (cluster !== "same") this.#unbar(report.cluster);
    for (const event of report.events) this.#emit(now, { ...event, cluster: report.cluster });
    this.#ledger.note(report, ended.length > 0, now);
    if (roundNeeded) this.#round(now);
    const isCurrent = report.incarnation === this.#fleet.incarnation(report.cluster);
    const grants = isCurrent ? this.#unsent(report.cluster, "and unconfirmed") : [];
    this.#settle(now, report.cluster);
    return {
      nextReportMs: this.#pace(report.cluster, now),
      rev: report.rev,
      clusterIncarnation: this.#fleet.incarnation(report.cluster),
      ended,
      incarnation: this.#incarnation,
      grants,
    };
  }

  /** @returns whether anything changed that a round may use */
  #heardOf(job: JobMemory, grant: GrantState, report: Report, said: Report["jobs"][number]): boolean {
    const newer =
      report.incarnation > grant.incarnation || (report.incarnation === grant.incarnation && report.rev > grant.rev);
    if (!newer) return false;
    const before = grant.reported;
    const { supply, returned } = afterReport(grant.supply, said);
    const ends = supplySize(grant.supply) - supplySize(supply);
    grant.incarnation = report.incarnation;
    grant.rev = report.rev;
    grant.reported = said;
    grant.supply = supply;
    grant.recentEnds = ends;
    if (isApplied(grant)) grant.oldLimits = grant.limits;
    const hasRoomAgain = before?.reason === "fragmented" && said.reason !== "fragmented";
    if (hasRoomAgain) grant.barredIn = {};
    if (job.state === "waiting" && sumOf(said.live) > 0) {
      job.state = "running";
      this.#unsavedJobs.add(job);
    }
    if (returned.length > 0) this.#takeBack(job, grant, returned, said);
    this.#unsavedGrants.add(grant);
    this.#progressed.add(job.id);
    const isSameLive = JSON.stringify(before?.live) === JSON.stringify(said.live);
    return hasRoomAgain || ends > 0 || !isSameLive || before?.genApplied !== said.genApplied;
  }

  #takeBack(
    job: JobMemory,
    grant: GrantState,
    returned: ReturnType<typeof afterReport>["returned"],
    said: Report["jobs"][number],
  ): void {
    if (job.state === "cancelling") job.banked = merge(job.banked, { ...NOTHING, cancelled: rangesOf(returned) });
    else job.queue = requeue(job.queue, returned);
    const barring = said.returned.find(({ reason }) => BARRING.has(reason));
    if (barring) {
      grant.barredIn = { ...grant.barredIn };
      for (const name of Object.keys(grant.limits)) grant.barredIn[name] = barring.reason;
    }
    // The next gen omits what came back: the Cluster may stop repeating it.
    grant.gen += 1;
    grant.sent = false;
    this.#unsavedJobs.add(job);
  }

  /** A Cluster that began anew: what it had may still run on its nodes, and is only adopted until silence says otherwise. */
  #recover(report: Report): void {
    for (const job of this.#jobs.values()) {
      const grant = job.grants.get(report.cluster);
      if (!grant) continue;
      if (grant.reported) {
        job.banked = merge(job.banked, grant.reported);
        grant.oldLimits = highestOf(grant.oldLimits, grant.reported.live);
      }
      // What the earlier one still says, late, counts no more.
      const { incarnation } = report;
      Object.assign(grant, { reported: null, incarnation, rev: 0, gen: grant.gen + 1, sent: false });
      this.#unsavedJobs.add(job);
      this.#unsavedGrants.add(grant);
    }
  }

  #unbar(cluster: string): void {
    for (const job of this.#jobs.values()) {
      const grant = job.grants.get(cluster);
      if (grant) grant.barredIn = {};
    }
  }

  #pace(cluster: string, now: number): number {
    const times = (this.#reportTimes.get(cluster) ?? []).filter((at) => at > now - 1000 && at <= now);
    times.push(now);
    this.#reportTimes.set(cluster, times);
    return times.length > REPORTS_PER_S ? PACE_MS : 0;
  }

  // The round.

  #round(now: number): void {
    // What is being cancelled wants nothing, and is charged until it has ended.
    const { limits } = this.#rounds.decide([...this.#jobs.values()], now);
    for (const job of this.#jobs.values()) {
      if (job.state === "cancelling") continue;
      const byCluster = clusterCounts(limits.get(job.id) ?? new Map());
      for (const name of new Set([...byCluster.keys(), ...job.grants.keys()])) {
        this.#grantTo(job, name, byCluster.get(name) ?? {});
      }
    }
  }

  /** Brings limits and supply of one (job, cluster) to what the round wants. */
  #grantTo(job: JobMemory, cluster: string, limits: Counts): void {
    const grant = job.grants.get(cluster) ?? this.#newGrant(job, cluster);
    const limit = sumOf(limits);
    const held = supplySize(grant.supply);
    const extra = Math.min(limit, 2 * grant.recentEnds);
    const missing = limit === 0 || this.#isHeld(job) ? 0 : Math.min(limit + extra - held, queueSize(job.queue));
    const draws = missing > 0 && (held < limit || held < limit + extra / 2);
    const limitsChanged = !isSameCounts(grant.limits, limits) && (held > 0 || draws);
    if (!draws && !limitsChanged) return;
    job.grants.set(cluster, grant);
    let supply = grant.supply;
    if (draws) {
      const { queue, drawn } = draw(job.queue, missing, job.nextHandout, this.#fleet.incarnation(cluster));
      job.queue = queue;
      job.nextHandout += 1;
      this.#unsavedJobs.add(job);
      this.#shares.entered(job.template.role, job.template.resources, supplySize(drawn));
      supply = [...supply, ...drawn];
    }
    this.#regrant(grant, { action: "run", limits, supply });
  }

  #newGrant(job: JobMemory, cluster: string): GrantState {
    return {
      job: job.id,
      cluster,
      gen: firstGen(this.#platform.generation),
      action: "run",
      limits: {},
      supply: [],
      incarnation: 0,
      rev: 0,
      reported: null,
      barredIn: {},
      oldLimits: {},
      recentEnds: 0,
      sent: false,
    };
  }

  #regrant(grant: GrantState, level: Partial<Pick<GrantState, "action" | "limits" | "supply">>): void {
    grant.oldLimits = highestOf(grant.oldLimits, grant.limits);
    Object.assign(grant, level, { gen: grant.gen + 1, sent: false });
    this.#unsavedGrants.add(grant);
  }

  /** An answer repeats what the Cluster has not confirmed: nobody tells when an answer is lost. */
  #unsent(cluster: string, which: "only" | "and unconfirmed" = "only"): Grant[] {
    const grants: Grant[] = [];
    for (const job of this.#jobs.values()) {
      const grant = job.grants.get(cluster);
      if (!grant || isApplied(grant) || (grant.sent && which === "only")) continue;
      grant.sent = true;
      grants.push(this.#wire(job, grant));
    }
    this.#grantsSent += grants.length;
    return grants;
  }

  #wire(job: JobMemory, grant: GrantState): Grant {
    const incarnation = this.#fleet.incarnation(grant.cluster);
    return {
      job: job.id,
      gen: grant.gen,
      action: grant.action,
      limits: grant.limits,
      template: job.template,
      supply: grant.supply.map(({ incarnation: given, ...entry }) => ({
        ...entry,
        ...(job.hasItems && { items: this.#store.items(job.id, entry.from, entry.to) }),
        ...(given !== 0 && given < incarnation && { recover: true }),
      })),
    };
  }

  // The end of every turn.

  /** @param answered a cluster that gets its grants with the answer */
  #settle(now: number, answered: string | null): void {
    this.#save();
    for (const name of this.#fleet.names()) this.#send(name, answered);
    this.#tell(now);
    if (this.#jobs.size > 0) this.#setAlarm(this.#pokeAt);
    const optimiseAt = this.#rounds.dueAt(now);
    if (optimiseAt !== null) this.#setAlarm(optimiseAt);
    if ([...this.#jobs.values()].some((job) => this.#isHeld(job))) this.#setAlarm(now + HOLD_TICK_MS);
  }

  #save(): void {
    for (const job of this.#unsavedJobs) this.#store.updateJob(job);
    for (const grant of this.#unsavedGrants) this.#store.saveGrant(grant);
    this.#unsavedJobs.clear();
    this.#unsavedGrants.clear();
  }

  /** A message without grants: the Cluster says how it stands. */
  #pokeClusters(): void {
    for (const name of this.#fleet.names()) {
      this.#platform.call({ kind: "cluster", league: this.#platform.self.league, name }, "grant", {
        incarnation: this.#incarnation,
        clusterIncarnation: this.#fleet.incarnation(name),
        grants: [],
      } satisfies GrantMessage);
    }
  }

  #send(cluster: string, answered: string | null): void {
    if (cluster === answered) return;
    const grants = this.#unsent(cluster);
    if (grants.length === 0) return;
    this.#platform.call({ kind: "cluster", league: this.#platform.self.league, name: cluster }, "grant", {
      incarnation: this.#incarnation,
      clusterIncarnation: this.#fleet.incarnation(cluster),
      grants,
    } satisfies GrantMessage);
  }

  #setAlarm(at: number): void {
    // One that is overdue may have been lost.
    const pending = this.#alarmAt !== null && this.#alarmAt > this.#platform.now() - OVERDUE_MS;
    if (pending && this.#alarmAt !== null && this.#alarmAt <= at) return;
    this.#alarmAt = at;
    this.#platform.setAlarm(at);
  }

  #emit(now: number, body: EventBody): void {
    this.#fresh.push(this.#store.append(now, body));
  }

  #progressOf(job: JobMemory, now: number): EventView {
    return { type: "job.progress", at: now, job: job.id, state: stateOf(job), counts: countsOf(job) };
  }

  #tell(now: number): void {
    const events = this.#fresh;
    const progress =
      this.#watchers.size === 0
        ? []
        : [...this.#progressed].flatMap((id) => {
            const job = this.#jobs.get(id);
            return job ? [this.#progressOf(job, now)] : [];
          });
    const seesAll = [...this.#watchers.values()].some(({ job }) => job === null);
    const decided = seesAll ? this.#rounds.takeDecided() : null;
    if (decided) progress.push({ type: "round.decided", at: now, round: decided });
    this.#fresh = [];
    this.#progressed.clear();
    for (const [socket, watch] of this.#watchers) {
      const mine = [...progress, ...events].filter((event) => watch.job === null || event.job === watch.job);
      if (mine.length > 0) this.#platform.sockets.send(socket, mine);
    }
  }

  #metrics(now: number): Record<string, number> {
    let waiting = 0;
    let live = 0;
    for (const job of this.#jobs.values()) {
      const counts = countsOf(job);
      waiting += counts.waiting;
      live += counts.live;
    }
    return {
      jobs_live: this.#jobs.size,
      tasks_waiting: waiting,
      tasks_live: live,
      grants_sent_total: this.#grantsSent,
      ...this.#rounds.figures(now),
      events_total: this.#store.counts().events,
      clusters: this.#fleet.names().length,
      watchers: this.#watchers.size,
    };
  }

  /** For tests: where the indices of a live job are. */
  inspect(id: string): {
    queue: ReturnType<typeof rangesOf>;
    supply: Map<string, ReturnType<typeof rangesOf>>;
    terminal: ReturnType<typeof all>;
    count: number;
  } | null {
    const job = this.#jobs.get(id) ?? this.#ended(id);
    if (!job) return null;
    return {
      queue: rangesOf(job.queue),
      supply: new Map([...job.grants].map(([name, grant]) => [name, rangesOf(grant.supply)])),
      terminal: all(terminalOf(job)),
      count: job.count,
    };
  }
}
