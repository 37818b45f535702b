/**
 * A Cluster: nodes with one owner. It turns the Broker's grants into tasks on nodes, keeps what runs renewed, counts
 * the silence of nodes, and reports. A thin shell over the pure steps beside it: every entry is one turn that ends in
 * `#settle`.
 */
import { epochOf } from "../model/ids.ts";
import { Problem } from "../model/problems.ts";
import type { TaskView } from "../model/views.ts";
import type { ObjectRef, Outcome, Platform, SocketId, Turns } from "../platform/seam.ts";
import type { PollReply, PollRequest } from "../protocol/agent.ts";
import type { GrantMessage, Report, ReportAnswer, WaitReason } from "../protocol/levels.ts";
import { type PlaceClass, type PlacePartition, place } from "../scheduling/place.ts";
import { applyGrants, returnWaiting } from "./grants.ts";
import { accounts, levels } from "./levels.ts";
import { ClusterMemory, NOT_RECOVERING } from "./memory.ts";
import type { ClusterMethods, ClusterSocketMessage, Held, NodeClaims } from "./methods.ts";
import { put, remove, viewAll, viewOne } from "./partitionChanges.ts";
import { type Heard, hasNews, hear, isRest, type OpenPoll, replyTo, turnedAway } from "./poll.ts";
import { isIdle, jobReport, nodeCounts, runsDry } from "./reports.ts";
import type { ClusterRules } from "./rules.ts";
import { CLUSTER_RULES, TICK_MS } from "./rules.ts";
import { markOverdue, nextOverdueAt, recoveryTicks, tick, tickRecovery } from "./silence.ts";
import { fitsNow, starvedBy } from "./starved.ts";
import { itemOf, type JobState, limitOf, liveCounts, type NodeState, stockSize, takeFrom } from "./state.ts";
import { ClusterStore } from "./store.ts";
import { countAnew, fold, usesOf } from "./use.ts";
import { isCurrent, nodeView, taskView, unstarted } from "./views.ts";
import { type WakeAttachment, Wakers } from "./wakers.ts";

/** What is only interesting goes with the next report, or after so long. */
const SOON_MS = 2_000;
const REPORT_RETRY_MS = 1_000;
const REPORT_RETRY_MAX_MS = 60_000;
/** Broker and Clusters poke each other while there is work, should a message or an alarm have been lost. */
const POKE_MS = 180_000;
/** How long a node that may come back is waited for before waiting work is given to other clusters. */
const NO_NODES_RETURN_MS = 15_000;
/** The same for work that fits nowhere at once for want of room on one node. */
const STARVED_RETURN_MS = 15_000;
const FOLLOW_MS = 60_000;
const REV_BLOCK = 1_000;

/** What a socket is for; kept in its attachment. */
type Attachment = { hold: OpenPoll } | WakeAttachment;

interface Hold {
  socket: SocketId;
  poll: OpenPoll;
}

export class Cluster implements Turns {
  readonly #platform: Platform;
  readonly #store: ClusterStore;
  readonly #memory: ClusterMemory;
  readonly #holds = new Map<string, Hold>();
  readonly #wakers: Wakers;
  readonly #follows = new Map<string, number>();
  /** by node: what its agent heard last of follows */
  readonly #followsTold = new Map<string, string>();
  #rev: number;
  #reporting: { rev: number; sentAt: number } | null = null;
  #reportNotBefore = 0;
  /** the last report failed: everything waits for the retry */
  #failing = false;
  #failures = 0;
  #lastReportAt: number;
  #shapesKey: string | null = null;
  #shapesReported: string | null = null;
  #lastTickAt: number;
  #alarmAt: number | null = null;
  #placements = 0;

  constructor(platform: Platform, rules: ClusterRules = CLUSTER_RULES) {
    this.#platform = platform;
    const now = platform.now();
    this.#store = new ClusterStore(platform.sql);
    this.#memory = new ClusterMemory(this.#store, platform.self.name, platform.generation, now, rules);
    if (this.#memory.isRestored) countAnew(this.#memory);
    this.#rev = this.#memory.self.revBlock;
    this.#lastReportAt = now;
    this.#lastTickAt = now;
    this.#wakers = new Wakers(this.#memory, platform.sockets);
    for (const { id, data } of platform.sockets.list()) this.#recall(id, data, now);
    // Nobody works here and nothing was told to anyone: then waking up for a poll writes and sends nothing.
    const quiet = this.#memory.jobs.size === 0 && this.#memory.self.recoverMs === NOT_RECOVERING;
    this.#shapesReported = quiet ? JSON.stringify(this.#shapes(now)) : null;
    this.#settle(now);
  }

  // Entries.

  call(method: string, args: unknown): unknown {
    const now = this.#platform.now();
    const answer = this.#answer(method, args, now);
    this.#settle(now);
    return answer;
  }

  #answer(method: string, args: unknown, now: number): unknown {
    // One switch, so that each method's arguments have their type.
    type Args<M extends keyof ClusterMethods> = Parameters<ClusterMethods[M]>[0];
    switch (method as keyof ClusterMethods) {
      case "grant":
        return this.#grant(args as GrantMessage);
      case "join":
        return this.#join(args as Args<"join">, now);
      case "poll": {
        const { claims, request } = args as Args<"poll">;
        return this.#poll(claims, request, now);
      }
      case "nodes":
        return this.#nodes(args as Args<"nodes">, now);
      case "node":
        return this.#nodeView((args as Args<"node">).name, now);
      case "pauseNode":
        return this.#pause(args as Args<"pauseNode">, now);
      case "removeNode":
        return this.#remove((args as Args<"removeNode">).name, now);
      case "partitions":
        return viewAll(this.#memory, now);
      case "partition":
        return viewOne(this.#memory, (args as Args<"partition">).name, now);
      case "putPartition": {
        const { spec, position } = args as Args<"putPartition">;
        put(this.#memory, spec, position);
        return viewOne(this.#memory, spec.name, now);
      }
      case "removePartition": {
        const view = viewOne(this.#memory, (args as Args<"removePartition">).name, now);
        remove(this.#memory, view.name);
        return view;
      }
      case "tasks":
        return this.#tasks(args as Args<"tasks">);
      case "task":
        return this.#task(args as Args<"task">);
      case "follow":
        return this.#follow(args as Args<"follow">, now);
      case "metrics":
        return this.#metrics(now);
      default:
        throw new Problem("not-found", `a Cluster has no method ${method}`);
    }
  }

  message(socket: SocketId, message: unknown): void {
    const now = this.#platform.now();
    const said = message as ClusterSocketMessage;
    if ("poll" in said) this.#hold(socket, said.poll, now);
    else if ("wake" in said) this.#addWaker(socket, said.wake.claims);
    this.#settle(now);
  }

  closed(socket: SocketId): void {
    for (const [node, hold] of this.#holds) if (hold.socket === socket) this.#holds.delete(node);
    this.#wakers.closed(socket, this.#platform.now());
  }

  alarm(): void {
    const now = this.#platform.now();
    this.#alarmAt = null;
    markOverdue(this.#memory, now);
    tick(this.#memory, now);
    tickRecovery(this.#memory, Math.max(0, now - this.#lastTickAt));
    this.#lastTickAt = now;
    for (const node of this.#memory.nodes.values()) {
      if (node.removed || node.silentTold || !this.#memory.isSuspect(node, now)) continue;
      node.silentTold = true;
      this.#memory.events.push({ type: "node.silent", node: node.name });
    }
    for (const job of this.#memory.jobs.values()) {
      if (job.dirty === "soon") job.dirty = "now";
      if (this.#memory.upNodes(now).length === 0 && now - this.#lastReportAt >= NO_NODES_RETURN_MS) {
        returnWaiting(this.#memory, job, "does-not-fit");
      }
    }
    if (this.#reporting && now - this.#reporting.sentAt > 30_000) this.#reporting = null;
    if (now - this.#lastReportAt >= POKE_MS) for (const job of this.#memory.jobs.values()) job.dirty = "now";
    this.#settle(now);
  }

  result(_to: ObjectRef, method: string, args: unknown, outcome: Outcome): void {
    if (method !== "report") return;
    const now = this.#platform.now();
    const report = args as Report;
    if (this.#reporting?.rev === report.rev) this.#reporting = null;
    if (outcome.ok) this.#reported(outcome.value as ReportAnswer, now);
    else this.#reportFailed(report, now);
    this.#settle(now);
  }

  // Grants and reports.

  #grant(message: GrantMessage): Record<never, never> {
    // Decided for an object whose rows are gone: what of it was handed out then is not known here.
    const isForUs = message.clusterIncarnation === this.#memory.self.incarnation;
    if (isForUs) applyGrants(this.#memory, message.incarnation, message.grants);
    // That, or a poke: the Broker may not know how things stand here.
    if (!isForUs || message.grants.length === 0) this.#shapesReported = null;
    return {};
  }

  #reported(answer: ReportAnswer, now: number): void {
    this.#failing = false;
    this.#failures = 0;
    this.#reportNotBefore = now + answer.nextReportMs;
    if (answer.clusterIncarnation > this.#memory.self.incarnation) {
      this.#memory.outrank(answer.clusterIncarnation);
      this.#shapesReported = null;
      return;
    }
    this.#memory.brokerAnswered = true;
    const ended = answer.ended.filter((id) => {
      const job = this.#memory.jobs.get(id);
      if (job === undefined || !isIdle(job)) return false;
      fold(this.#memory, job);
      return this.#memory.jobs.delete(id);
    });
    if (ended.length > 0) this.#store.endGrants(ended);
    applyGrants(this.#memory, answer.incarnation, answer.grants);
  }

  #reportFailed(report: Report, now: number): void {
    this.#failing = true;
    this.#reportNotBefore = now + Math.min(REPORT_RETRY_MS * 2 ** this.#failures++, REPORT_RETRY_MAX_MS);
    this.#shapesReported = null;
    this.#memory.events.unshift(...report.events);
    for (const { job } of report.jobs) {
      const state = this.#memory.jobs.get(job);
      if (state) state.dirty = "now";
    }
  }

  #shapes(now: number): Pick<Report, "partitions" | "nodes"> {
    return { partitions: levels(this.#memory, now), nodes: nodeCounts(this.#memory, now) };
  }

  #reportIfDue(now: number): void {
    const shapes = this.#shapes(now);
    this.#shapesKey = JSON.stringify(shapes);
    if (this.#reporting) return;
    const dirty = [...this.#memory.jobs.values()].filter((job) => job.dirty !== "no");
    const changed = this.#shapesKey !== this.#shapesReported || this.#memory.events.length > 0;
    const told = dirty.filter((job) => job.dirty === "now");
    if (!changed && told.length === 0) return;
    const urgent = !this.#failing && (changed || told.some((job) => isIdle(job) || runsDry(job)));
    if (!urgent && now < this.#reportNotBefore) return;
    const rev = this.#nextRev();
    const report: Report = {
      cluster: this.#platform.self.name,
      incarnation: this.#memory.self.incarnation,
      rev,
      ...shapes,
      jobs: dirty.map((job) => jobReport(this.#memory, job)),
      events: this.#memory.events,
      used: usesOf(this.#memory, now),
      usedSince: this.#memory.self.usedSince,
    };
    this.#memory.events = [];
    for (const job of dirty) job.dirty = "no";
    this.#shapesReported = this.#shapesKey;
    this.#reporting = { rev, sentAt: now };
    this.#lastReportAt = now;
    this.#platform.call({ kind: "broker", league: this.#platform.self.league, name: "" }, "report", report);
  }

  /** Revs are reserved by the thousand, so that a report costs no row. */
  #nextRev(): number {
    this.#rev += 1;
    if (this.#rev > this.#memory.self.revBlock) {
      this.#memory.self = { ...this.#memory.self, revBlock: this.#memory.self.revBlock + REV_BLOCK };
      this.#store.saveSelf(this.#memory.self);
    }
    return this.#rev;
  }

  // Polls.

  #poll(claims: NodeClaims, request: PollRequest, now: number): PollReply {
    const heard = hear(this.#memory, claims, request, 0, now);
    if (heard.kind === "turned-away") return turnedAway(request, heard.action);
    this.#endOlderHold(heard.poll);
    this.#place(now, heard.poll);
    const reply = this.#reply(heard.poll, heard);
    this.#noteTold(reply, heard.poll.node, now);
    return reply;
  }

  #hold(
    socket: SocketId,
    { claims, request, waitS }: { claims: NodeClaims; request: PollRequest; waitS: number },
    now: number,
  ): void {
    const heard = hear(this.#memory, claims, request, waitS, now);
    if (heard.kind === "turned-away") {
      this.#send(socket, { final: true, reply: turnedAway(request, heard.action) });
      return;
    }
    this.#endOlderHold(heard.poll);
    this.#place(now, heard.poll);
    const reply = this.#reply(heard.poll, heard);
    if (this.#isFinal(reply, heard.poll.node)) {
      this.#answerHold(socket, reply, heard.poll.node, now);
      return;
    }
    this.#holds.set(heard.poll.node, { socket, poll: heard.poll });
    this.#platform.sockets.attach(socket, { hold: heard.poll } satisfies Attachment);
    this.#platform.sockets.send(socket, { final: false, reply } satisfies Held);
  }

  #reply(
    poll: OpenPoll,
    heard: Omit<Extract<Heard, { kind: "heard" }>, "kind" | "poll"> = {
      acked: [],
      unacked: 0,
      unknown: [],
      stops: [],
      wantInventory: false,
    },
  ): PollReply {
    const now = this.#platform.now();
    for (const [key, until] of this.#follows) if (until < now) this.#follows.delete(key);
    return replyTo(this.#memory, poll, {
      ...heard,
      followed: this.#follows,
      wakeable: this.#wakers.has(poll.node),
    });
  }

  #endOlderHold(poll: OpenPoll): void {
    const older = this.#holds.get(poll.node);
    if (!older) return;
    this.#holds.delete(poll.node);
    this.#send(older.socket, { final: true, reply: null });
  }

  #answerHold(socket: SocketId, reply: PollReply, node: string, now: number): void {
    this.#noteTold(reply, node, now);
    this.#send(socket, { final: true, reply });
  }

  /** What the node will do by this reply. */
  #noteTold(reply: PollReply, name: string, now: number): void {
    this.#followsTold.set(name, reply.follows.join());
    const node = this.#memory.nodes.get(name);
    if (node && isRest(reply)) this.#wakers.letRest(node, now);
  }

  /** The reply need not wait for anything. */
  #isFinal(reply: PollReply, node: string): boolean {
    return hasNews(reply) || isRest(reply) || reply.follows.join() !== (this.#followsTold.get(node) ?? "");
  }

  #send(socket: SocketId, held: Held): void {
    this.#platform.sockets.send(socket, held);
    if (held.final) this.#platform.sockets.close(socket);
  }

  #recall(socket: SocketId, data: unknown, now: number): void {
    const attachment = data as Attachment | null;
    if (attachment && "hold" in attachment) this.#holds.set(attachment.hold.node, { socket, poll: attachment.hold });
    else if (attachment) this.#wakers.recall(socket, attachment.wake, now);
  }

  /** Not of a machine that had this name before: what is meant for the node would go there. */
  #addWaker(socket: SocketId, claims: NodeClaims): void {
    const node = this.#memory.nodes.get(claims.node);
    if (node && (node.removed || node.serial !== claims.serial)) this.#platform.sockets.close(socket);
    else this.#wakers.add(socket, claims.node);
  }

  // Placement: onto nodes that listen now, so that the reply which carries an attempt is known when it is handed out.

  #place(now: number, polling: OpenPoll | null): void {
    const waiting = this.#classes(now);
    if (waiting.length === 0) return;
    const polls = new Map<string, OpenPoll>();
    for (const [node, hold] of this.#holds) polls.set(node, hold.poll);
    if (polling) polls.set(polling.node, polling);
    const { placements, starved } = place(
      this.#memory.placeNodes(now, (node) => polls.has(node.name)),
      this.#placePartitions(now),
      waiting,
    );
    for (const { job, index, node, partition } of placements) {
      const poll = polls.get(node);
      const state = this.#memory.jobs.get(job);
      if (!poll || !state) continue;
      this.#handOut(state, index, poll, partition, now);
      // The reply to a copy of its poll does not reach it.
      this.#wakers.call(node, now);
    }
    this.#placements += placements.length;
    for (const id of starved) this.#noteStarved(id, now);
  }

  #placePartitions(now: number): Map<string, PlacePartition> {
    return new Map(
      [...accounts(this.#memory, now)].map(([name, { free }]) => [name, { free, pack: this.#memory.spec(name).pack }]),
    );
  }

  #classes(now: number): PlaceClass[] {
    const classes: PlaceClass[] = [];
    for (const job of this.#memory.jobs.values()) {
      const room = job.action === "run" ? limitOf(job) - job.live.size - stockSize(job.limbo) : 0;
      if (job.fresh.length === 0 && job.retry.size === 0) continue;
      if (job.fresh.length === 0 && [...job.retry.values()].every((retry) => retry.notBefore > now)) {
        this.#say(job, "backoff");
        continue;
      }
      const { resources, role, driver } = job.template;
      const live = liveCounts(job);
      const rooms = Object.entries(job.limits).map(([name, limit]) => [name, limit - (live[name] ?? 0)] as const);
      classes.push({
        job: job.id,
        demand: resources,
        constraints: job.constraints,
        role,
        driver,
        refusedBy: job.refusedBy,
        room,
        rooms: Object.fromEntries(rooms),
        tasks: waitingTasks(job, now),
      });
    }
    return classes;
  }

  #handOut(job: JobState, index: number, poll: OpenPoll, partition: string, now: number): void {
    const retry = job.retry.get(index);
    const stock = retry ? null : takeFrom(job.fresh, index);
    const epoch = retry ? epochOf(retry.handout, retry.local + 1) : epochOf(stock?.handout ?? 0, 0);
    job.retry.delete(index);
    const attemptsUsed = retry?.attemptsUsed ?? stock?.attemptsUsed ?? 0;
    const item = itemOf(job.supply, index) ?? retry?.item ?? null;
    const carried = { session: poll.session, seq: poll.seq };
    const where = { partition, lender: this.#memory.spec(partition).owner, assignedAt: now };
    job.live.set(index, {
      job,
      index,
      epoch,
      attemptsUsed,
      node: poll.node,
      session: poll.session,
      carried,
      item,
      ...where,
      confirmed: false,
    });
    this.#store.handOut({
      job: job.id,
      index,
      epoch,
      attemptsUsed,
      node: poll.node,
      session: poll.session,
      carriedSession: poll.session,
      carriedSeq: poll.seq,
      item,
      ...where,
    });
    job.reason = null;
    job.starvedAt = null;
    if (job.dirty === "no") job.dirty = "soon";
  }

  /** Room is granted, tasks wait, and no node that listens has space: say why, give back what others may run sooner. */
  #noteStarved(id: string, now: number): void {
    const job = this.#memory.jobs.get(id);
    if (!job) return;
    const reason = starvedBy(this.#memory, job, now);
    if (reason === "does-not-fit" || reason === "refused") {
      returnWaiting(this.#memory, job, reason);
      return;
    }
    this.#say(job, reason);
    job.starvedAt ??= now;
    if (reason === "fragmented" && now - job.starvedAt >= STARVED_RETURN_MS) {
      returnWaiting(this.#memory, job, "fragmented");
    }
  }

  #say(job: JobState, reason: WaitReason | null): void {
    if (job.reason === reason) return;
    job.reason = reason;
    if (job.dirty === "no") job.dirty = "soon";
  }

  /** What was given back for want of room on one node may be granted again as soon as one has it. */
  #noteRoom(now: number): void {
    for (const job of this.#memory.jobs.values()) {
      if (job.reason !== "fragmented" || stockSize(job.fresh) + job.retry.size > 0) continue;
      if (fitsNow(this.#memory, job, now)) Object.assign(job, { reason: null, starvedAt: null, dirty: "now" });
    }
  }

  // The end of every turn.

  #settle(now: number): void {
    for (const job of this.#memory.jobs.values()) {
      // Nothing of it may start here: another cluster may have room.
      if (job.action === "run" && limitOf(job) === 0) returnWaiting(this.#memory, job, "surplus");
    }
    this.#place(now, null);
    for (const [node, hold] of this.#holds) {
      const reply = this.#reply(hold.poll);
      if (!this.#isFinal(reply, node)) continue;
      this.#holds.delete(node);
      this.#answerHold(hold.socket, reply, node, now);
    }
    this.#wake(now);
    this.#noteRoom(now);
    this.#reportIfDue(now);
    this.#setAlarm(now);
  }

  /** Calls those that would be given something if they listened. What was called for others counts as theirs. */
  #wake(now: number): void {
    if (!this.#wakers.someSleep) return;
    const waiting = this.#classes(now).filter(({ room }) => room > 0);
    if (waiting.length === 0) return;
    const nodes = this.#memory.placeNodes(now, ({ name, rest }) => rest !== "awake" || this.#holds.has(name));
    for (const { node } of place(nodes, this.#placePartitions(now), waiting).placements) this.#wakers.call(node, now);
  }

  #setAlarm(now: number): void {
    const wanted = this.#wantedAlarm(now);
    // A later one is set when the earlier fires: each setting is a row.
    if (wanted === null || (this.#alarmAt !== null && this.#alarmAt <= wanted && this.#alarmAt > now - TICK_MS)) return;
    this.#alarmAt = wanted;
    this.#platform.setAlarm(wanted);
  }

  #wantedAlarm(now: number): number | null {
    const times: number[] = [];
    if (this.#memory.silences.size > 0 || recoveryTicks(this.#memory)) times.push(now + TICK_MS);
    const overdueAt = nextOverdueAt(this.#memory);
    if (overdueAt !== null) times.push(overdueAt);
    if (this.#reporting) times.push(now + 30_000);
    else if (this.#shapesKey !== this.#shapesReported) times.push(Math.max(now + 1, this.#reportNotBefore));
    for (const job of this.#memory.jobs.values()) {
      if (job.dirty === "now" && !this.#reporting) times.push(Math.max(now + 1, this.#reportNotBefore));
      if (job.dirty === "soon") times.push(now + SOON_MS);
      for (const retry of job.retry.values()) if (retry.notBefore > now) times.push(retry.notBefore);
      if (job.fresh.length > 0 || job.retry.size > 0) times.push(now + NO_NODES_RETURN_MS);
      times.push(Math.max(now + 1, this.#lastReportAt + POKE_MS));
    }
    return times.length === 0 ? null : Math.min(...times);
  }

  // People and nodes.

  #join({ name, key }: { name: string; key: string }, now: number): { node: string; serial: number } {
    for (const node of this.#memory.nodes.values()) {
      if (node.joinKey === key && !node.removed) return { node: node.name, serial: node.serial };
    }
    let free = name;
    for (let n = 2; !this.#memory.isFree(free); n++) free = `${name}-${n}`;
    const serial = (this.#memory.nodes.get(free)?.serial ?? 0) + 1;
    const node: NodeState = {
      name: free,
      joinKey: key,
      serial,
      session: 0,
      nonce: "",
      boot: "",
      inventory: null,
      paused: false,
      removed: false,
      seq: 0,
      seenAt: now,
      expectMs: 0,
      rest: "awake",
      pressure: [],
      ghosts: new Map(),
      silentTold: false,
    };
    this.#memory.nodes.set(free, node);
    this.#memory.saveNode(node);
    this.#memory.events.push({ type: "node.joined", node: free });
    return { node: free, serial };
  }

  #node(name: string): NodeState {
    const node = this.#memory.nodes.get(name);
    if (!node) throw new Problem("not-found", `cluster ${this.#platform.self.name} has no node ${name}`);
    return node;
  }

  #nodeView(name: string, now: number) {
    return nodeView(this.#memory, this.#node(name), this.#platform.self.name, now);
  }

  #nodes({ after, limit }: { after: string | null; limit: number }, now: number) {
    const names = [...this.#memory.nodes.values()]
      .filter((n) => !n.removed && (after === null || n.name > after))
      .map((n) => n.name)
      .sort();
    return {
      items: names.slice(0, limit).map((name) => this.#nodeView(name, now)),
      next: names.length > limit ? (names[limit - 1] ?? null) : null,
    };
  }

  #pause({ name, paused }: { name: string; paused: boolean }, now: number) {
    const node = this.#node(name);
    if (node.removed) throw new Problem("gone", `node ${name} was removed`);
    node.paused = paused;
    this.#memory.saveNode(node);
    return this.#nodeView(name, now);
  }

  /** What may still run there is handed out again by the silence rule alone. */
  #remove(name: string, now: number) {
    const node = this.#node(name);
    if (!node.removed) {
      node.removed = true;
      // It is not heard any more, and takes no room of what is left.
      node.ghosts = new Map();
      this.#memory.saveNode(node);
      this.#memory.events.push({ type: "node.removed", node: name });
      for (const live of this.#memory.liveOn(name)) this.#memory.mark(name, live.session, now);
      const hold = this.#holds.get(name);
      if (hold) this.#endOlderHold(hold.poll);
      this.#wakers.dismiss(name, now);
    }
    return this.#nodeView(name, now);
  }

  #task({ job, index }: { job: string; index: number }): TaskView | null {
    const row = this.#store.task(job, index);
    const state = this.#memory.jobs.get(job);
    if (row && isCurrent(row, state))
      return taskView(row, this.#store.attempts(job, index, index), state, this.#platform.self.name);
    if (state) for (const view of unstarted(state, this.#platform.self.name)) if (view.index === index) return view;
    return row ? taskView(row, this.#store.attempts(job, index, index), state, this.#platform.self.name) : null;
  }

  #tasks({ job, state, after, limit }: { job: string; state: string | null; after: number | null; limit: number }) {
    const from = after ?? -1;
    const known = this.#memory.jobs.get(job);
    const cluster = this.#platform.self.name;
    const rows = this.#store.tasks(job, from, limit);
    const last = rows.length === limit ? (rows.at(-1)?.index ?? from) : Number.POSITIVE_INFINITY;
    const attempts = rows.length === 0 ? [] : this.#store.attempts(job, rows[0]?.index ?? 0, rows.at(-1)?.index ?? 0);
    const views = rows
      .filter((row) => isCurrent(row, known))
      .map((row) =>
        taskView(
          row,
          attempts.filter((attempt) => attempt.index === row.index),
          known,
          cluster,
        ),
      );
    if (known)
      for (const view of unstarted(known, cluster)) if (view.index > from && view.index <= last) views.push(view);
    views.sort((a, b) => a.index - b.index);
    const page = views.slice(0, limit);
    const more = views.length > limit || rows.length === limit;
    const end = views.length > limit ? page.at(-1)?.index : rows.at(-1)?.index;
    return { items: page.filter((view) => state === null || view.state === state), next: more ? (end ?? null) : null };
  }

  #follow({ task, epoch }: { task: string; epoch: number }, now: number): Record<never, never> {
    this.#follows.set(`${task}@${epoch}`, now + FOLLOW_MS);
    return {};
  }

  #metrics(now: number): Record<string, number> {
    const counts = nodeCounts(this.#memory, now);
    let live = 0;
    let waiting = 0;
    for (const job of this.#memory.jobs.values()) {
      live += job.live.size;
      waiting += stockSize(job.fresh) + job.retry.size;
    }
    return {
      nodes_up: counts.up,
      nodes_silent: counts.silent,
      nodes_total: counts.total,
      attempts_live: live,
      tasks_waiting: waiting,
      jobs_live: this.#memory.jobs.size,
      held_polls: this.#holds.size,
      placements_total: this.#placements,
    };
  }

  /** For tests: every live attempt and its epoch. */
  inspect(): { jobs: ReadonlyMap<string, JobState>; incarnation: number } {
    return { jobs: this.#memory.jobs, incarnation: this.#memory.self.incarnation };
  }
}

function* waitingTasks(job: JobState, now: number): Generator<{ index: number; avoid: string | null }> {
  for (const { index, avoid, notBefore } of [...job.retry.values()].sort((a, b) => a.index - b.index)) {
    if (notBefore <= now) yield { index, avoid };
  }
  for (const { ranges } of [...job.fresh]) {
    for (const [from, to] of [...ranges]) for (let index = from; index < to; index++) yield { index, avoid: null };
  }
}
