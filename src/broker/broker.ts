/**
 * The Broker of a league: jobs, shares, grants and tokens. It deals in counts and never in tasks: one row per (job,
 * cluster). A thin shell over the parts beside it; every entry is one turn that ends in `#settle`.
 */

import { type JobSpec, taskCount, templateOf } from "../model/job.ts";
import type { PlanView } from "../model/planView.ts";
import { Problem } from "../model/problems.ts";
import { isTerminal } from "../model/states.ts";
import type { EventView, ExplainView, JobView, RoleView } from "../model/views.ts";
import type { ObjectRef, Outcome, Platform, SocketId, Turns } from "../platform/seam.ts";
import type { FrameworkAnswer, FrameworkGrant, FrameworkLevel } from "../protocol/frameworks.ts";
import type { ClusterEvent, Grant, GrantMessage, Report, ReportAnswer } from "../protocol/levels.ts";
import type { RoundResult } from "../scheduling/input.ts";
import { Access } from "./access.ts";
import { JobBook } from "./book.ts";
import { Echoes } from "./echoes.ts";
import { Fleet } from "./fleet.ts";
import { Frameworks } from "./frameworks.ts";
import { firstHandout } from "./generation.ts";
import { Grants } from "./grants.ts";
import { heardOf, Pace, recover, unbar } from "./heard.ts";
import { Ledger } from "./ledger.ts";
import type { BrokerMethods, WatchEvents } from "./methods.ts";
import { Plans } from "./plans.ts";
import { HOLD_TICK_MS, Restored } from "./restored.ts";
import { Rounds } from "./rounds.ts";
import { Shares } from "./shares.ts";
import {
  charged,
  countsOf,
  isLeft,
  type JobMemory,
  jobMemory,
  jobView,
  stateOf,
  sumOf,
  terminalOf,
  whereabouts,
} from "./state.ts";
import { BrokerStore, type EventBody } from "./store.ts";
import { all, merge, NOTHING, rangesOf } from "./supply.ts";
import { verifyFrameworkRows, verifyJobs, verifyRows } from "./verify.ts";
import { Watchers } from "./watchers.ts";
import { unknownCluster } from "./whatIf.ts";

/** Grants whose call failed are sent again. */
const RESEND_MS = 1_000;
/** Broker and Clusters poke each other while there is work, should a message or an alarm have been lost. */
const POKE_MS = 180_000;
/** A round that may only answer an earlier one, to and fro, waits for so long when there were many. */
const ECHO_MS = 1_000;
/** An alarm that is late by more was lost. */
const OVERDUE_MS = 5_000;
const WATCH_BATCH = 5_000;
/** A job that is only planned: no real one has an id like it. */
const PLANNED = "(planned)";

export class Broker implements Turns {
  readonly #platform: Platform;
  readonly #store: BrokerStore;
  readonly #access: Access;
  readonly #fleet: Fleet;
  readonly #shares: Shares;
  readonly #frameworks: Frameworks;
  readonly #rounds: Rounds;
  readonly #echoes = new Echoes();
  readonly #ledger: Ledger;
  readonly #restored: Restored;
  readonly #book: JobBook;
  readonly #grants: Grants;
  readonly #plans: Plans;
  readonly #watchers: Watchers;
  readonly #pace = new Pace();
  #fresh: EventView[] = [];
  #alarmAt: number | null = null;
  #pokeAt: number;

  constructor(platform: Platform) {
    this.#platform = platform;
    const { sql, generation, sockets, solver } = platform;
    const now = platform.now();
    this.#store = new BrokerStore(sql, generation);
    this.#access = new Access(this.#store);
    this.#fleet = new Fleet(this.#store);
    this.#shares = new Shares(this.#store, now);
    this.#ledger = new Ledger(this.#store);
    this.#frameworks = new Frameworks(this.#store, generation);
    this.#rounds = new Rounds(this.#fleet, this.#shares, this.#frameworks, this.#ledger, solver, now);
    this.#book = new JobBook(this.#store);
    this.#restored = new Restored(this.#store, generation, this.#book.newestOrdinal, now);
    if (this.#restored.isNew) {
      this.#restored.leap(this.#book.live());
      this.#frameworks.leap();
      this.#store.leapEvents();
      this.#emit(now, {
        type: "league.restored",
        detail: "a backup was restored: what happened since it was made may not be known here",
      });
    }
    this.#grants = new Grants(this.#book, this.#fleet, this.#shares, this.#restored, this.#store, generation);
    this.#plans = new Plans(this.#book, this.#fleet, this.#rounds, this.#restored, this.#store);
    this.#watchers = new Watchers(sockets);
    this.#pokeAt = now + POKE_MS;
    // What is free for frameworks is not kept.
    if (this.#frameworks.size > 0) this.#pokeClusters();
    else for (const name of this.#fleet.unheard()) this.#call(name, [], []);
    this.#settle(now, null);
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
      case "plan":
        return this.#plan(args as Args<"plan">, now);
      case "job":
        return this.#viewOf(this.#book.find((args as Args<"job">).id));
      case "jobs":
        return this.#list(args as Args<"jobs">);
      case "cancel":
        return this.#cancel((args as Args<"cancel">).id, now);
      case "explain":
        return this.#explain((args as Args<"explain">).id);
      case "placesOf": {
        const job = this.#book.find((args as Args<"placesOf">).id);
        return { clusters: [...job.grants.keys()].sort(), count: job.count, items: job.hasItems };
      }
      case "whereabouts": {
        const { jobs } = args as Args<"whereabouts">;
        const known = Object.entries(jobs).flatMap(([id, ranges]) => {
          const job = this.#book.lookUp(id);
          return job ? [[id, whereabouts(job, ranges, this.#viewOf(job).waits?.reason ?? null)] as const] : [];
        });
        return Object.fromEntries(known);
      }
      case "createCluster": {
        const made = this.#fleet.create(args as Args<"createCluster">, now);
        if (made.isNew) this.#emit(now, { type: "cluster.created", cluster: made.view.name });
        return made.view;
      }
      case "removeCluster": {
        const view = this.#fleet.remove((args as Args<"removeCluster">).name, this.#book.live());
        this.#frameworks.forgetCluster(view.name);
        this.#emit(now, { type: "cluster.removed", cluster: view.name });
        return view;
      }
      case "clusters":
        return this.#fleet.list(args as Args<"clusters">, this.#book.live());
      case "cluster":
        return this.#fleet.view((args as Args<"cluster">).name, this.#book.live());
      case "roles":
        return this.#shares.views(
          this.#fleet.partitions(),
          this.#book.live(),
          this.#frameworks.chargedByRole(),
          this.#rounds.result,
        );
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
      case "framework":
        return this.#framework(args as Args<"framework">, now);
      case "frameworks":
        return this.#frameworks.views();
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
    const events = since === null ? [] : this.#store.events(since, WATCH_BATCH, job).events;
    const watched = job === null ? null : this.#book.lookUp(job);
    const state = watched === null ? [] : [progressOf(watched, this.#platform.now())];
    this.#watchers.add(socket, job, [...events, ...state], events.length < WATCH_BATCH);
  }

  closed(socket: SocketId): void {
    this.#watchers.closed(socket);
  }

  alarm(): void {
    const now = this.#platform.now();
    this.#alarmAt = null;
    this.#restored.tick(now);
    for (const job of this.#book.live())
      if (job.state === "cancelling" && job.queue.length > 0) this.#cancelQueued(job, now);
    if (now >= this.#pokeAt) {
      this.#pokeAt = now + POKE_MS;
      this.#grants.sendAgain();
      this.#frameworks.sendAgain();
      if (this.#book.size > 0 || this.#frameworks.size > 0) this.#pokeClusters();
      for (const name of this.#frameworks.ids)
        this.#platform.call({ kind: "framework", league: this.#platform.self.league, name }, "poke", {});
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
    const { grants, frameworks = [] } = args as GrantMessage;
    for (const grant of grants) this.#grants.failed(to.name, grant);
    for (const grant of frameworks) this.#frameworks.failed(to.name, grant);
    this.#setAlarm(this.#platform.now() + RESEND_MS);
  }

  // Jobs.

  #submit({ id, digest, spec, plan }: Parameters<BrokerMethods["submit"]>[0], now: number): JobView {
    const known = this.#book.lookUp(id);
    if (known) {
      if (known.digest !== digest)
        throw new Problem("idempotency-key-reused", "this Idempotency-Key was used for another job; choose a new key");
      return this.#viewOf(known);
    }
    const job = this.#jobOf(id, digest, spec, "clusters", now);
    const draft = plan ? this.#plans.kept(job, plan, now) : null;
    this.#book.add(job);
    if (draft === null) this.#round(now);
    else this.#follow(this.#rounds.adopt(draft, this.#book.live(), now), now);
    this.#book.insert(job, spec.each ?? null);
    if (job.grants.size === 0) this.#pokeClusters();
    this.#emit(now, { type: "job.submitted", job: id, detail: spec.name ?? "" });
    return this.#viewOf(job);
  }

  #plan({ job, whatIf }: Parameters<BrokerMethods["plan"]>[0], now: number): PlanView {
    const planned = job && this.#jobOf(PLANNED, job.digest, job.spec, "job.clusters", now);
    return this.#plans.view(planned, whatIf, now);
  }

  /** As it is before its first round. @param field for what is wrong in its clusters */
  #jobOf(id: string, digest: string, spec: JobSpec, field: string, now: number): JobMemory {
    const there = this.#fleet.names();
    const unknown = (spec.clusters ?? []).filter((name) => !there.includes(name));
    if (unknown.length > 0) {
      const errors = (spec.clusters ?? []).flatMap((name, i) => unknownCluster(name, there, `${field}[${i}]`));
      throw new Problem("invalid-request", `there is no cluster ${unknown.join(", ")} in this league`, { errors });
    }
    const count = taskCount(spec);
    return jobMemory(
      {
        id,
        ordinal: this.#book.newestOrdinal + 1,
        digest,
        count,
        template: templateOf(spec),
        clusters: spec.clusters ?? null,
        hasItems: spec.each !== undefined,
        state: "waiting",
        queue: [{ from: 0, to: count, attemptsUsed: 0 }],
        nextHandout: firstHandout(this.#platform.generation),
        banked: NOTHING,
        createdAt: now,
        endedAt: null,
      },
      [],
    );
  }

  #cancel(id: string, now: number): JobView {
    const job = this.#book.find(id);
    if (isTerminal(job.state) || job.state === "cancelling") return this.#viewOf(job);
    job.state = "cancelling";
    this.#grants.cancel(job);
    this.#book.changed(job);
    this.#book.progressed(job);
    this.#cancelQueued(job, now);
    this.#round(now);
    return this.#viewOf(job);
  }

  /** After a restore, what is queued may be running: until it can't be any more it is not over. */
  #cancelQueued(job: JobMemory, now: number): void {
    if (this.#restored.holds(job)) return;
    job.banked = merge(job.banked, { ...NOTHING, cancelled: rangesOf(job.queue) });
    job.queue = [];
    this.#book.changed(job);
    this.#book.progressed(job);
    this.#endIfOver(job, now);
  }

  #viewOf(job: JobMemory): JobView {
    const now = this.#platform.now();
    const counts = countsOf(job);
    const why =
      counts.waiting > 0 && !isTerminal(job.state) ? this.#rounds.why(job, this.#restored.holdsForMs(job), now) : null;
    return jobView(job, why && { reason: why.reason, detail: why.sentence }, (key) => this.#fleet.ownerOf(key));
  }

  #list(args: { prefix: string; state: string | null; after: string | null; limit: number }) {
    const rows = this.#store.jobs({ ...args, limit: args.limit + 1 });
    const page = rows.slice(0, args.limit);
    return {
      items: page.map((row) => this.#viewOf(this.#book.get(row.id) ?? jobMemory(row, this.#store.grantsOf(row.id)))),
      next: rows.length > args.limit ? (page.at(-1)?.id ?? null) : null,
    };
  }

  #explain(id: string): ExplainView {
    const job = this.#book.find(id);
    const view = this.#viewOf(job);
    return this.#rounds.explain(job, view, this.#restored.holdsForMs(job), this.#platform.now());
  }

  #roleView(name: string): RoleView {
    const charged = this.#frameworks.chargedByRole();
    return this.#shares.view(name, this.#fleet.partitions(), this.#book.live(), charged, this.#rounds.result);
  }

  #endIfOver(job: JobMemory, now: number): void {
    const ended = this.#book.endIfOver(job, now);
    if (!ended) return;
    this.#emit(now, { type: "job.ended", job: job.id, ...ended });
    for (const grant of job.grants.values()) if (isLeft(grant)) this.#call(grant.cluster, [], []);
  }

  // The level protocol.

  #report(report: Report, now: number): ReportAnswer {
    const cluster = this.#fleet.heard(report);
    if (cluster === "unknown") throw new Problem("not-found", `there is no cluster ${report.cluster} in this league`);
    if (cluster === "reborn") recover(this.#book, report);
    const isNews = cluster === "reborn" || cluster === "changed";
    const areOffersOther = cluster !== "old" && this.#frameworks.heard(report, cluster === "reborn");
    let roundNeeded = isNews;
    let isEcho = areOffersOther || (cluster === "rooms" && this.#frameworks.size > 0);
    const ended: string[] = [];
    for (const jobReport of report.jobs) {
      const job = this.#book.get(jobReport.job);
      if (!job) {
        ended.push(jobReport.job);
        continue;
      }
      const grant = job.grants.get(report.cluster);
      const news = grant ? heardOf(this.#book, this.#shares, job, grant, report, jobReport, now) : "nothing";
      if (news === "nothing") continue;
      if (job.takenBack !== null && countsOf(job).waiting === 0) job.takenBack = null;
      this.#endIfOver(job, now);
      const isOver = !this.#book.isLive(job.id);
      if (isOver) ended.push(job.id);
      const mayStand = !isOver && news !== "more" && job.state !== "cancelling";
      const decided = mayStand ? this.#rounds.standing(job, now) : null;
      if (decided !== null) {
        this.#grants.topUp(job, report.cluster, decided);
        continue;
      }
      if (news === "applied") isEcho = true;
      else roundNeeded = true;
    }
    if (isNews) unbar(this.#book, report.cluster);
    for (const event of report.events) {
      this.#emit(now, eventOf(event, report.cluster));
      const job = event.job === undefined ? undefined : this.#book.get(event.job);
      if (job && event.type === "task.reclaimed") job.takenBack = event.detail ?? null;
    }
    if (cluster !== "old") this.#ledger.note(report, ended.length > 0, now);
    if (isEcho && !roundNeeded) {
      roundNeeded = this.#echoes.mayFollow(now, this.#fleet.names().length);
      if (!roundNeeded) this.#setAlarm(now + ECHO_MS);
    }
    if (roundNeeded) this.#round(now);
    const isCurrent = report.incarnation === this.#fleet.incarnation(report.cluster);
    const grants = isCurrent ? this.#grants.unsent(report.cluster, "and unconfirmed") : [];
    const frameworks = isCurrent ? this.#frameworks.unsent(report.cluster, "and unconfirmed") : [];
    this.#frameworks.forgetGone(this.#fleet.names());
    const unknownFrameworks = this.#frameworks.unknownIn(report);
    this.#settle(now, report.cluster);
    return {
      nextReportMs: this.#pace.nextReportMs(report.cluster, now),
      rev: report.rev,
      clusterIncarnation: this.#fleet.incarnation(report.cluster),
      ended,
      incarnation: this.#restored.incarnation,
      grants,
      ...(frameworks.length > 0 && { frameworks }),
      ...(unknownFrameworks.length > 0 && { unknownFrameworks }),
    };
  }

  /** What is being cancelled wants nothing, and is charged until it has ended. */
  #round(now: number): void {
    this.#echoes.decided(now);
    this.#follow(this.#rounds.decide(this.#book.live(), now), now);
  }

  #follow(decided: RoundResult, now: number): void {
    this.#grants.follow(decided, now);
    this.#frameworks.follow(decided.offers, this.#fleet.names());
  }

  #framework(level: FrameworkLevel, now: number): FrameworkAnswer {
    const is = this.#frameworks.tell(level);
    if (is !== "same") {
      this.#emit(now, { type: `framework.${is}`, detail: `${level.name} ${level.id}` });
      this.#round(now);
    }
    return this.#frameworks.answer(level.id, this.#fleet.names());
  }

  // The end of every turn.

  /** @param answered a cluster that gets its grants with the answer */
  #settle(now: number, answered: string | null): void {
    this.#book.save();
    for (const name of this.#fleet.names())
      if (name !== answered) this.#send(name, this.#grants.unsent(name), this.#frameworks.unsent(name));
    this.#tell(now);
    // A clock that was set back puts it off no further.
    this.#pokeAt = Math.min(this.#pokeAt, now + POKE_MS);
    if (this.#book.size > 0 || this.#frameworks.size > 0) this.#setAlarm(this.#pokeAt);
    const optimiseAt = this.#rounds.dueAt(now);
    if (optimiseAt !== null) this.#setAlarm(optimiseAt);
    if (this.#book.live().some((job) => this.#restored.holds(job))) this.#setAlarm(now + HOLD_TICK_MS);
  }

  /** A message without grants: the Cluster says how it stands. */
  #pokeClusters(): void {
    for (const name of this.#fleet.names()) this.#call(name, [], []);
  }

  #send(cluster: string, grants: Grant[], frameworks: FrameworkGrant[]): void {
    if (grants.length + frameworks.length > 0) this.#call(cluster, grants, frameworks);
  }

  #call(name: string, grants: Grant[], frameworks: FrameworkGrant[]): void {
    this.#platform.call({ kind: "cluster", league: this.#platform.self.league, name }, "grant", {
      incarnation: this.#restored.incarnation,
      clusterIncarnation: this.#fleet.incarnation(name),
      grants,
      ...(frameworks.length > 0 && { frameworks }),
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

  #tell(now: number): void {
    const progress = this.#book.takeProgressed().map((job) => progressOf(job, now));
    const decided = this.#watchers.seeAll ? this.#rounds.takeDecided() : null;
    if (decided) progress.push({ type: "round.decided", at: now, round: decided });
    this.#watchers.tell([...progress, ...this.#fresh]);
    this.#fresh = [];
  }

  #metrics(now: number): Record<string, number> {
    let waiting = 0;
    let live = 0;
    for (const job of this.#book.live()) {
      const counts = countsOf(job);
      waiting += counts.waiting;
      live += counts.live;
    }
    return {
      jobs_live: this.#book.size,
      tasks_waiting: waiting,
      tasks_live: live,
      grants_sent_total: this.#grants.sent,
      ...this.#rounds.figures(now),
      events_total: this.#store.counts().events,
      clusters: this.#fleet.names().length,
      frameworks: this.#frameworks.size,
      watchers: this.#watchers.size,
    };
  }

  verify(rows: boolean): void {
    const jobs = this.#book.live();
    verifyJobs(jobs);
    if (!rows) return;
    verifyRows(jobs, this.#store);
    verifyFrameworkRows(this.#frameworks.rows(), this.#store);
  }

  /** For tests: where the indices of a job are, and how many tasks of it are charged in each cluster. */
  inspect(id: string): {
    queue: ReturnType<typeof rangesOf>;
    supply: Map<string, ReturnType<typeof rangesOf>>;
    terminal: ReturnType<typeof all>;
    count: number;
    charged: Map<string, number>;
  } | null {
    const job = this.#book.lookUp(id);
    if (!job) return null;
    return {
      queue: rangesOf(job.queue),
      supply: new Map([...job.grants].map(([name, grant]) => [name, rangesOf(grant.supply)])),
      terminal: all(terminalOf(job)),
      count: job.count,
      charged: new Map([...job.grants].map(([name, grant]) => [name, sumOf(charged(grant))])),
    };
  }
}

const progressOf = (job: JobMemory, now: number): EventView => ({
  type: "job.progress",
  at: now,
  job: job.id,
  state: stateOf(job),
  counts: countsOf(job),
});

/** Those who read events are not told what a later Cluster says of one. */
const eventOf = ({ type, node, job, detail }: ClusterEvent, cluster: string): EventBody => ({
  ...{ type, cluster },
  ...(node !== undefined && { node }),
  ...(job !== undefined && { job }),
  ...(detail !== undefined && { detail }),
});
