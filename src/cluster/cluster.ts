/**
 * A Cluster: nodes with one owner. It turns the Broker's grants into tasks on nodes, keeps what runs renewed, counts
 * the silence of nodes, and reports. A thin shell over the pure steps beside it: every entry is one turn that ends in
 * `#settle`.
 */
import { Problem } from "../model/problems.ts";
import type { ObjectRef, Outcome, Platform, SocketId, Turns } from "../platform/seam.ts";
import type { PollReply, PollRequest } from "../protocol/agent.ts";
import type { Tell, TellAnswer } from "../protocol/frameworks.ts";
import type { GrantMessage, Report, ReportAnswer } from "../protocol/levels.ts";
import { MAX_PLACEMENTS } from "../scheduling/place/place.ts";
import { Answers } from "./answers.ts";
import { Calling } from "./calling.ts";
import { drainCluster, drainNode, drainTimes, stepDrains, undrainCluster, undrainNode } from "./drain.ts";
import { cutOff, isCut } from "./drill/cut.ts";
import { drillTimes, endDrill, startDrill, stepDrill } from "./drill/drill.ts";
import { previewDrill } from "./drill/preview.ts";
import { drillSight, whereabouts } from "./drill/report.ts";
import { Follows } from "./follows.ts";
import { accept, decline } from "./frameworks/accept.ts";
import { agentStates } from "./frameworks/agentStates.ts";
import { cutOffers, giveBack } from "./frameworks/cut.ts";
import { answerInverse, askToLeave } from "./frameworks/inverse.ts";
import { kill } from "./frameworks/kill.ts";
import { applyFrameworks } from "./frameworks/levels.ts";
import { Telling } from "./frameworks/telling.ts";
import { Yields } from "./frameworks/yields.ts";
import { hasGangs } from "./gangs.ts";
import { applyGrants, returnWaiting } from "./grants.ts";
import type { OpenPoll } from "./heldPolls.ts";
import { ClusterMemory, NOT_RECOVERING } from "./memory.ts";
import type { ClusterMethods, ClusterSocketMessage, NodeClaims } from "./methods.ts";
import { moveTimes, stepMoves } from "./moving.ts";
import { joinNode, nodeNamed, nodePage, pauseNode, presentNode, removeNode, viewNode } from "./nodes.ts";
import { put, remove, viewAll, viewOne } from "./partitionChanges.ts";
import { type Given, noteRoom, patienceTimes, placeWaiting } from "./placing.ts";
import { hear, turnedAway } from "./poll.ts";
import { preview } from "./preview.ts";
import { makeRoom } from "./reclaiming.ts";
import { Reporting } from "./reporting.ts";
import { nodeCounts } from "./reports.ts";
import { TICK_MS } from "./rules.ts";
import {
  markOverdue,
  nextOverdueAt,
  noteSilent,
  recoveryTicks,
  tick,
  tickRecovery,
  ticks,
  vigilTimes,
} from "./silence.ts";
import { claimOf, limitOf, stockSize } from "./state.ts";
import { ClusterStore } from "./store.ts";
import { oneTask, taskPage } from "./taskPages.ts";
import { countAnew } from "./use.ts";
import { verify } from "./verify.ts";
import { clusterDrain, nodeView } from "./views.ts";
import { noNodesMs, noteNoNodes, recallWaits, saveWaits } from "./waits.ts";
import { Wakers } from "./wakers.ts";

/** How long a node that may come back is waited for before waiting work is given to other clusters. */
const NO_NODES_RETURN_MS = 15_000;
/** An alarm that only goes on placing counts no silence sooner than this. */
const PLACING_TICK_MS = 1_000;

/** Both of what two steps gave. */
const join = (a: Given, b: Given): Given => ({
  given: [...a.given, ...b.given],
  awaited: [...a.awaited, ...b.awaited],
  starved: b.starved,
});

export class Cluster implements Turns {
  readonly #platform: Platform;
  readonly #store: ClusterStore;
  readonly #memory: ClusterMemory;
  readonly #wakers: Wakers;
  readonly #calling: Calling;
  readonly #follows: Follows;
  readonly #answers: Answers;
  readonly #reporting: Reporting;
  readonly #telling: Telling;
  readonly #yields: Yields;
  #lastTickAt: number;
  #alarmAt: number | null = null;
  #placements = 0;
  /** nodes that something changed of since the end of the last turn */
  readonly #changed: Set<string>;
  /** before this no node is overdue; what was found may be too early, never too late */
  #overdueAt = Number.POSITIVE_INFINITY;
  /** the last turn looked at all that had changed */
  #hasLooked = false;
  /** tasks that this turn placed; null: it has not tried */
  #placed: number | null = null;
  /** the last turn placed as many as one may */
  #wasFull = false;

  constructor(platform: Platform) {
    this.#platform = platform;
    const now = platform.now();
    this.#store = new ClusterStore(platform.sql);
    this.#memory = new ClusterMemory(this.#store, platform.self.name, platform.generation, now);
    recallWaits(this.#memory, now);
    if (this.#memory.isRestored) countAnew(this.#memory);
    this.#changed = this.#memory.watchNodes();
    this.#telling = new Telling(platform, this.#memory, this.#memory.revs);
    this.#yields = new Yields(this.#memory);
    this.#memory.launchedTelling = this.#telling;
    for (const job of this.#memory.jobs.values()) if (job.launched) job.watch(this.#telling);
    this.#lastTickAt = now;
    this.#wakers = new Wakers(this.#memory, platform.sockets);
    this.#calling = new Calling(this.#memory, this.#wakers);
    this.#follows = new Follows(this.#memory);
    this.#answers = new Answers(this.#memory, platform.sockets, this.#wakers, this.#follows);
    for (const { id, data } of platform.sockets.list()) this.#answers.recall(id, data, now);
    // Nobody works here and nothing was told to anyone: then waking up for a poll writes and sends nothing.
    const quiet = this.#memory.jobs.size === 0 && this.#memory.self.recoverMs === NOT_RECOVERING;
    this.#reporting = new Reporting(platform, this.#memory, quiet, now);
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
        return this.#grant(args as GrantMessage, now);
      case "join":
        return joinNode(this.#memory, args as Args<"join">, now);
      case "poll": {
        const { claims, request } = args as Args<"poll">;
        return this.#poll(claims, request, now);
      }
      case "nodes":
        return nodePage(this.#memory, args as Args<"nodes">, now);
      case "node":
        return viewNode(this.#memory, args as Args<"node">, now);
      case "pauseNode":
        return pauseNode(this.#memory, args as Args<"pauseNode">, now);
      case "unreserveNode": {
        const node = nodeNamed(this.#memory, (args as Args<"unreserveNode">).name);
        this.#memory.frameworks.limitReserved(node.name, {});
        this.#steer(now);
        return nodeView(this.#memory, node, now);
      }
      case "removeNode": {
        const node = nodeNamed(this.#memory, (args as Args<"removeNode">).name);
        if (removeNode(this.#memory, node, now)) this.#answers.dismiss(node.name, now);
        return nodeView(this.#memory, node, now);
      }
      case "drainNode": {
        const { name, ...wish } = args as Args<"drainNode">;
        const node = presentNode(this.#memory, name);
        drainNode(this.#memory, node, wish, now);
        this.#steer(now);
        return nodeView(this.#memory, node, now);
      }
      case "undrainNode": {
        const node = nodeNamed(this.#memory, (args as Args<"undrainNode">).name);
        undrainNode(this.#memory, node);
        return nodeView(this.#memory, node, now);
      }
      case "drain":
        drainCluster(this.#memory, args as Args<"drain">, now);
        this.#steer(now);
        return clusterDrain(this.#memory, now);
      case "undrain":
        undrainCluster(this.#memory);
        return clusterDrain(this.#memory, now);
      case "drainView":
        return clusterDrain(this.#memory, now);
      case "previewDrill":
        return previewDrill(this.#memory, (args as Args<"previewDrill">).forMs, now);
      case "drillSight":
        return drillSight(this.#memory, now);
      case "startDrill":
        if (startDrill(this.#memory, args as Args<"startDrill">, now)) this.#answers.cutOff(now);
        return drillSight(this.#memory, now);
      case "endDrill":
        endDrill(this.#memory, now);
        return drillSight(this.#memory, now);
      case "whereabouts":
        return whereabouts(this.#memory, (args as Args<"whereabouts">).jobs);
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
        return taskPage(this.#memory, args as Args<"tasks">);
      case "task": {
        const { job, index } = args as Args<"task">;
        return oneTask(this.#memory, job, index);
      }
      case "preview": {
        const { template, counts } = args as Args<"preview">;
        return preview(this.#memory, template, counts, now);
      }
      case "follow":
        this.#follows.add(args as Args<"follow">, now);
        return {};
      case "accept":
        return accept(this.#memory, args as Args<"accept">, now);
      case "decline":
        decline(this.#memory, args as Args<"decline">, now);
        return {};
      case "answerInverse":
        answerInverse(this.#memory, args as Args<"answerInverse">);
        return {};
      case "killTask": {
        const { framework, taskId, graceMs } = args as Args<"killTask">;
        const job = this.#memory.frameworks.byId.get(framework)?.tasks.get(taskId);
        if (job) kill(this.#memory, job, graceMs);
        return {};
      }
      case "agentStates":
        return agentStates(this.#memory, (args as Args<"agentStates">).agentIds);
      case "metrics":
        return this.#metrics(now);
      default:
        throw new Problem("not-found", `a Cluster has no method ${method}`);
    }
  }

  message(socket: SocketId, message: unknown): void {
    const now = this.#platform.now();
    const said = message as ClusterSocketMessage;
    if (isCut(this.#memory, now)) this.#answers.refuse(socket, "poll" in said);
    else if ("poll" in said) this.#hold(socket, said.poll, now);
    else if ("wake" in said) this.#answers.addWaker(socket, said.wake.claims);
    this.#settle(now);
  }

  closed(socket: SocketId): void {
    this.#hasLooked = false;
    this.#answers.closed(socket, this.#platform.now());
  }

  alarm(): void {
    const now = this.#platform.now();
    this.#alarmAt = null;
    if (this.#wasFull && Math.abs(now - this.#lastTickAt) < PLACING_TICK_MS) {
      this.#settle(now);
      return;
    }
    this.#wakers.probe(markOverdue(this.#memory, now), now);
    tick(this.#memory, now);
    tickRecovery(this.#memory, Math.max(0, now - this.#lastTickAt));
    this.#lastTickAt = now;
    for (const node of this.#memory.nodes.values()) {
      if (this.#memory.isSuspect(node, now) && !this.#wakers.ask(node, now)) noteSilent(this.#memory, node, now);
    }
    if (noNodesMs(this.#memory, now) >= NO_NODES_RETURN_MS)
      for (const job of this.#memory.waitingJobs()) returnWaiting(this.#memory, job, "does-not-fit");
    this.#reporting.tick(now);
    this.#overdueAt = nextOverdueAt(this.#memory, this.#memory.nodes.keys());
    this.#settle(now);
  }

  result(to: ObjectRef, method: string, args: unknown, outcome: Outcome): void {
    const now = this.#platform.now();
    if (method === "tell") this.#told(to.name, args as Tell, outcome, now);
    if (method !== "report") return;
    const report = args as Report;
    if (outcome.ok) this.#reporting.answered(report, outcome.value as ReportAnswer, now);
    else this.#reporting.failed(report, now);
    this.#settle(now);
  }

  /** What its Framework object said to what it was told. */
  #told(id: string, tell: Tell, outcome: Outcome, now: number): void {
    if (!outcome.ok) this.#telling.failed(id, tell, now);
    else {
      const { isUnwanted, isOver } = this.#telling.answered(id, tell, outcome.value as TellAnswer);
      const here = this.#memory.frameworks.byId.get(id);
      // It says so to the Broker too; until that is heard here nothing is gained by keeping the room.
      if (here && (isUnwanted || isOver)) for (const offer of [...here.offers]) this.#memory.frameworks.rescind(offer);
      if (here && isOver) for (const job of [...here.tasks.values()]) kill(this.#memory, job, null);
    }
    this.#settle(now);
  }

  // Grants and reports.

  #grant(message: GrantMessage, now: number): Record<never, never> {
    // Decided for an object whose rows are gone: what of it was handed out then is not known here.
    const isForUs = message.clusterIncarnation === this.#memory.self.incarnation;
    const { grants, frameworks = [] } = message;
    if (isForUs) {
      applyGrants(this.#memory, message.incarnation, grants, now);
      applyFrameworks(this.#memory, message.incarnation, frameworks, now);
    }
    // That, or a poke: the Broker may not know how things stand here.
    if (!isForUs || grants.length + frameworks.length === 0) this.#reporting.tellAll();
    return {};
  }

  /** What was told to be empty becomes so. */
  #steer(now: number): void {
    stepDrains(this.#memory, now);
    stepMoves(this.#memory, now);
    if (this.#memory.self.drain === null) return;
    for (const job of this.#memory.waitingJobs()) if (job.action === "run") returnWaiting(this.#memory, job, "drained");
  }

  // Polls.

  #poll(claims: NodeClaims, request: PollRequest, now: number): PollReply {
    if (isCut(this.#memory, now)) throw cutOff();
    const heard = hear(this.#memory, claims, request, 0, now);
    if (heard.kind === "turned-away") return turnedAway(request, heard.action);
    this.#takeIn(heard.poll, now);
    return this.#answers.reply(heard, now);
  }

  #hold(
    socket: SocketId,
    { claims, request, waitS }: { claims: NodeClaims; request: PollRequest; waitS: number },
    now: number,
  ): void {
    const heard = hear(this.#memory, claims, request, waitS, now);
    if (heard.kind === "turned-away") {
      this.#answers.turnAway(socket, turnedAway(request, heard.action));
      return;
    }
    this.#takeIn(heard.poll, now);
    this.#answers.replyOrHold(socket, heard, now);
  }

  /** Its node is given what there is for it. */
  #takeIn(poll: OpenPoll, now: number): void {
    this.#answers.endHold(poll.node);
    this.#steer(now);
    this.#place(now, poll);
  }

  #place(now: number, polling: OpenPoll | null): void {
    const polls = this.#memory.heldPolls.pollsAnd(polling);
    const first = placeWaiting(this.#memory, polls, now);
    // What is only offered is room for what is granted.
    const isYielded = this.#yields.yieldTo(first.starved, now);
    const { given, awaited } = isYielded ? join(first, placeWaiting(this.#memory, polls, now)) : first;
    // From now on it listens only if its poll is held.
    if (polling) this.#memory.touch(polling.node);
    // The reply to a copy of its poll does not reach it.
    for (const node of [...given, ...awaited]) this.#wakers.call(node, now);
    this.#placements += given.length;
    this.#placed = (this.#placed ?? 0) + given.length;
  }

  /** There may be more to place than a turn does. */
  get #placesOn(): boolean {
    return (this.#placed ?? 0) >= MAX_PLACEMENTS;
  }

  /** A poll has placed already, on whoever listens; room that is made or kept for a gang is looked at again. */
  get #isPlaced(): boolean {
    return this.#placed !== null && (this.#placesOn || (this.#memory.making.isEmpty && !hasGangs(this.#memory)));
  }

  // The end of every turn.

  #settle(now: number): void {
    for (const job of this.#memory.waitingJobs()) {
      // Nothing of it may start here: another cluster may have room.
      if (job.action === "run" && limitOf(job) + claimOf(job) === 0) returnWaiting(this.#memory, job, "surplus");
    }
    this.#steer(now);
    stepDrill(this.#memory, now);
    const isInterval = this.#rescind(now);
    makeRoom(this.#memory, now);
    if (!this.#isPlaced) this.#place(now, null);
    this.#follows.expire(now);
    this.#memory.nodeAccounts.look(now);
    this.#offer(isInterval, now);
    this.#answers.replyToChanged(this.#changed, now);
    this.#calling.callWanted(now);
    noteRoom(this.#memory, this.#changed, now);
    noteNoNodes(this.#memory, now);
    saveWaits(this.#memory);
    this.#telling.send(now);
    this.#memory.frameworks.saveNotes();
    this.#reporting.sendIfDue(isInterval, now);
    this.#overdueAt = Math.min(this.#overdueAt, nextOverdueAt(this.#memory, this.#changed));
    this.#setAlarm(now);
    this.#changed.clear();
    this.#hasLooked = true;
    this.#wasFull = this.#placesOn;
    this.#placed = null;
  }

  /**
   * What frameworks hold and may not, or have not answered, is free for whoever is placed next.
   *
   * @returns whether frameworks are offered in this turn what is free, and the Broker hears of it
   */
  #rescind(now: number): boolean {
    const { frameworks } = this.#memory;
    if (frameworks.isEmpty && !frameworks.mayHaveNews) return false;
    const isInterval = frameworks.tick(now);
    giveBack(this.#memory, this.#changed, isInterval, now);
    // What was given back may have hastened it.
    return isInterval || frameworks.tick(now);
  }

  /** Frameworks are offered what is free, and told what became of the rest. */
  #offer(isInterval: boolean, now: number): void {
    const memory = this.#memory;
    const { frameworks, lostAgents } = memory;
    if (frameworks.isEmpty) {
      lostAgents.clear();
      return;
    }
    if (isInterval) frameworks.expireRefusals(now);
    for (const name of lostAgents) {
      const node = memory.nodes.get(name);
      if (node) this.#telling.agentLost(node);
    }
    lostAgents.clear();
    if (isInterval) for (const offer of cutOffers(memory, now)) this.#telling.offered(offer);
    askToLeave(memory, this.#changed);
    for (const here of [...frameworks.byId.values()]) {
      this.#telling.begin(here);
      if (!here.isGone || here.isDirty) continue;
      // The Broker knows that nothing of it is here.
      frameworks.remove(here);
      this.#telling.forget(here.id);
    }
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
    if (ticks(this.#memory) || recoveryTicks(this.#memory)) times.push(now + TICK_MS);
    // One that is past is of an alarm that was lost: the platform would take the same time for that alarm.
    if (this.#overdueAt < Number.POSITIVE_INFINITY) times.push(Math.max(now + 1, this.#overdueAt));
    if (this.#placesOn) times.push(now + 1);
    times.push(...this.#calling.wantedAt());
    if (this.#memory.making.nextAt !== null) times.push(Math.max(now + 1, this.#memory.making.nextAt));
    times.push(...this.#reporting.wantedAt(now), ...drainTimes(this.#memory, now), ...moveTimes(this.#memory, now));
    times.push(...drillTimes(this.#memory, now));
    times.push(...patienceTimes(this.#memory, now), ...this.#telling.wantedAt(now));
    const offersAt = this.#memory.frameworks.nextAt(now);
    if (offersAt !== null) times.push(offersAt);
    for (const at of vigilTimes(this.#memory, now)) times.push(at);
    for (const at of this.#memory.gangTimes.wantedAt(this.#memory.jobs)) times.push(Math.max(at, now + 1));
    for (const job of this.#memory.waitingJobs()) {
      const nextAt = job.retry.nextAt(now);
      if (nextAt !== null) times.push(nextAt);
      times.push(now + NO_NODES_RETURN_MS);
    }
    const { noNodesSince } = this.#memory.self;
    if (noNodesSince !== null) times.push(Math.max(now + 1, noNodesSince + NO_NODES_RETURN_MS));
    return times.length === 0 ? null : Math.min(...times);
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
      held_polls: this.#memory.heldPolls.size,
      places_held: this.#memory.holds.size,
      offers_held: this.#memory.frameworks.offers.size,
      frameworks: this.#memory.frameworks.byId.size,
      placements_total: this.#placements,
    };
  }

  verify(): void {
    const now = this.#platform.now();
    verify(this.#memory, now);
    const { heldPolls } = this.#memory;
    for (const [node, poll] of heldPolls.polls) {
      if (!this.#changed.has(node) && this.#answers.isDue(poll, now)) throw new Error(`${node} was not answered`);
    }
    // A turn that only heard of a socket ends without looking around, whatever the clock has done meanwhile.
    if (!this.#hasLooked) return;
    const overdueAt = nextOverdueAt(this.#memory, this.#memory.nodes.keys());
    if (overdueAt < this.#overdueAt) throw new Error(`a node is overdue at ${overdueAt}, kept is ${this.#overdueAt}`);
    const wanted = this.#wantedAlarm(now);
    const isLate = wanted !== null && (this.#alarmAt === null || this.#alarmAt > wanted);
    if (isLate) throw new Error(`the alarm is set to ${this.#alarmAt} and wanted at ${wanted}`);
  }

  /** For tests: every live attempt and its epoch, places that are kept, and what frameworks have. */
  inspect(): Pick<ClusterMemory, "jobs" | "holds" | "gangTimes" | "frameworks"> & { incarnation: number } {
    const { jobs, holds, gangTimes, frameworks, self } = this.#memory;
    return { jobs, holds, gangTimes, frameworks, incarnation: self.incarnation };
  }
}
