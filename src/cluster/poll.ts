/** What a poll of an agent changes, and what a reply to it says. Holding the poll is the object's part. */
import { attemptKey, type Epoch, parseTaskId, taskId } from "../model/ids.ts";
import type { Template } from "../model/job.ts";
import type { Resources } from "../model/resources.ts";
import { isKept } from "../model/retry.ts";
import type { Action, PollReply, PollRequest, Stop } from "../protocol/agent.ts";
import { RECOVERY_MS } from "../protocol/levels.ts";
import { adopt, applyUpdate, leavingOf, withdraw, withinRecovery } from "./ends.ts";
import type { OpenPoll } from "./heldPolls.ts";
import type { ClusterMemory } from "./memory.ts";
import type { NodeClaims } from "./methods.ts";
import { withdraws } from "./rules.ts";
import { isLeaving, type Live, type NodeState, newNode } from "./state.ts";

/** A node that has a wake socket and nothing to do polls this seldom. */
export const WAKEABLE_POLL_MS = 900_000;
/** A node that has said something which cannot count yet says it again after so long; news it tells at once. */
const REPEAT_MS = 1_000;

export type Heard =
  /** nothing of it counted; answer so */
  | { kind: "turned-away"; action: Action }
  | {
      kind: "heard";
      poll: OpenPoll;
      acked: string[];
      /** told ends that cannot be stored yet */
      unacked: number;
      unknown: string[];
      stops: Stop[];
      wantInventory: boolean;
    };

const laterThan = (poll: Pick<OpenPoll, "session" | "seq">, carried: { session: number; seq: number }): boolean =>
  poll.session > carried.session || (poll.session === carried.session && poll.seq > carried.seq);

export function hear(
  memory: ClusterMemory,
  claims: NodeClaims,
  request: PollRequest,
  waitS: number,
  now: number,
): Heard {
  const node = memory.nodes.get(claims.node) ?? remember(memory, claims, now);
  if (node.removed) return { kind: "turned-away", action: "gone" };
  if (claims.serial > node.serial) joinedSince(node, claims.serial);
  if (node.serial !== claims.serial || !enterSession(memory, node, request, now))
    return { kind: "turned-away", action: "rejoin" };
  // A late copy of an older poll: its sender no longer listens.
  if (request.seq < node.seq) return { kind: "turned-away", action: "run" };
  // A copy of a poll comes from a node that has its answer, and may rest by it.
  const isCopy = request.seq === node.seq;
  // Called in vain: what it was called for may still come to it.
  const wasCalled = node.rest === "called";
  if (!isCopy) node.rest = "awake";
  node.seq = request.seq;
  node.seenAt = now;
  node.expectMs = waitS * 1000;
  node.pressure = request.pressure;
  memory.touch(node.name);
  memory.unmark(node.name, node.session);
  if (node.isSilent) {
    node.isSilent = false;
    memory.events.push({ type: "node.back", node: node.name });
    memory.dirtyLaunchedOn(node.name);
  }
  noteInventory(memory, node, request);

  const names = namesOf(request);
  const stored = request.updates.filter((update) => applyUpdate(memory, node.name, update, names, now));
  const acked = stored.map(({ uuid }) => uuid);
  memory.followed.heardFrom(node.name, request.running, stored);
  const unacked = request.updates.length - acked.length;
  const isFree = request.running.length === 0 && unacked === 0 && request.pressure.length === 0;
  const mayRest = isFree && node.inventory !== null && !wasCalled;
  const { session, seq, nonce } = request;
  const poll: OpenPoll = { node: node.name, session, seq, nonce, heardAt: now, waitS, mayRest };
  const { unknown, stops } = reconcile(memory, node, poll, request, now);
  return { kind: "heard", poll, acked, unacked, unknown, stops, wantInventory: node.inventory === null };
}

/** Whether a poll names an attempt. Few are asked for, so it is gone through only then. */
function namesOf({ running, updates }: PollRequest): (task: string, epoch: number) => boolean {
  let named: Set<string> | null = null;
  return (task, epoch) => {
    named ??= new Set([
      ...running.map(([task, epoch]) => `${task}@${epoch}`),
      ...updates.map(({ task, epoch }) => `${task}@${epoch}`),
    ]);
    return named.has(`${task}@${epoch}`);
  };
}

/** A node with a valid credential that the rows do not know: they were lost. */
function remember(memory: ClusterMemory, claims: NodeClaims, now: number): NodeState {
  const node = newNode({ name: claims.node, serial: claims.serial, joinKey: "" }, now);
  memory.addNode(node);
  memory.startRecovery();
  return node;
}

/** It joined again after the backup that these rows come from. */
function joinedSince(node: NodeState, serial: number): void {
  Object.assign(node, { serial, session: 0, nonce: "", seq: 0 });
}

/** @returns false when another agent speaks under this credential */
function enterSession(memory: ClusterMemory, node: NodeState, request: PollRequest, now: number): boolean {
  if (request.session < node.session) return false;
  if (request.session === node.session) return request.nonce === node.nonce;
  for (const live of memory.liveOn(node.name)) memory.mark(node.name, live.session, now);
  Object.assign(node, { session: request.session, nonce: request.nonce, boot: request.boot, seq: 0 });
  memory.saveNode(node);
  return true;
}

function noteInventory(memory: ClusterMemory, node: NodeState, { inventory }: PollRequest): void {
  if (!inventory || JSON.stringify(inventory) === JSON.stringify(node.inventory)) return;
  node.inventory = inventory;
  memory.saveNode(node);
  memory.nodeChanged(node);
  memory.frameworks.nodeChanged(node);
}

/** Holds what the node runs against what it should run. */
function reconcile(
  memory: ClusterMemory,
  node: NodeState,
  poll: OpenPoll,
  request: PollRequest,
  now: number,
): { unknown: string[]; stops: Stop[] } {
  const unknown: string[] = [];
  const stops: Stop[] = [];
  const claimed = new Set<Live>();
  const ghosts = new Map<string, Resources>();
  for (const [task, claimedEpoch] of request.running) {
    const id = parseTaskId(task);
    if (!id) continue;
    const epoch = claimedEpoch as Epoch;
    const job = memory.jobs.get(id.job);
    const live = job && (leavingOf(job, id.index, epoch, node.name) ?? adopt(memory, job, id.index, epoch, node.name));
    if (live && live.epoch === epoch && live.node === node.name) {
      claimed.add(live);
      confirm(memory, live, node, now);
      continue;
    }
    // How much it needs where its job is not known nobody can tell: perhaps all there is.
    ghosts.set(`${task}@${epoch}`, job?.template.resources ?? node.inventory?.capacity ?? {});
    if (!job && withinRecovery(memory)) {
      // After a restore the Broker may hand it out again once it has lapsed, so it must not be renewed.
      if (!memory.self.renewsUnknown) continue;
      unknown.push(attemptKey(taskId(id.job, id.index), epoch));
      // Nobody has heard from the Broker: it goes on for longer than was counted on.
      if (memory.self.recoverMs >= RECOVERY_MS) memory.startRecovery();
    } else {
      stops.push({ task, epoch, graceMs: job?.template.stopGraceMs ?? 10_000, reason: job ? "superseded" : "unknown" });
    }
  }
  memory.setGhosts(node, ghosts);
  for (const live of [...memory.liveOn(node.name)]) {
    if (!claimed.has(live) && neverStarts(poll, live)) withdraw(memory, live, now);
  }
  forgetOldSessions(memory, node);
  return { unknown, stops };
}

function confirm(memory: ClusterMemory, live: Live, node: NodeState, now: number): void {
  if (!live.confirmed) {
    live.confirmed = true;
    live.confirmedAt = now;
    if (live.job.dirty === "no") live.job.dirty = live.job.launched ? "now" : "soon";
  }
  if (live.session === node.session) return;
  live.session = node.session;
  if (isLeaving(live)) memory.saveLeaving(live);
  else memory.store.claim(live.job.id, live.index, node.session);
}

/**
 * Only the session that was given it can tell that it will not start it: another one may be a copy of the node's
 * folder while the first still runs. What is never handed out by silence has no other way back.
 */
const neverStarts = (poll: OpenPoll, { carried, job }: Live): boolean =>
  withdraws(poll, carried) || (job.template.lostAfterMs === null && laterThan(poll, carried));

/** A mark of an older session is needed only while something of that session may run. */
function forgetOldSessions(memory: ClusterMemory, node: NodeState): void {
  for (const { session } of [...memory.silencesOf(node.name)]) {
    if (session === node.session) continue;
    if (![...memory.liveOn(node.name)].some((live) => live.session === session)) memory.unmark(node.name, session);
  }
}

/** The reply as things stand now: the same poll may be answered twice, and must be answered alike. */
export function replyTo(
  memory: ClusterMemory,
  poll: OpenPoll,
  extra: {
    acked: string[];
    unacked: number;
    unknown: string[];
    stops: Stop[];
    wantInventory: boolean;
    followed: ReadonlyMap<string, number>;
    wakeable: boolean;
  },
): PollReply {
  const node = memory.nodes.get(poll.node);
  const renews = [...extra.unknown];
  const stops = [...extra.stops];
  const jobs: Record<string, Template> = {};
  const assignments: PollReply["assignments"] = [];
  const follows: string[] = [];
  let live = 0;
  for (const attempt of memory.liveOn(poll.node)) {
    live += 1;
    const { job, index, epoch, item, attemptsUsed } = attempt;
    const task = taskId(job.id as Parameters<typeof taskId>[0], index);
    if (extra.followed.has(attemptKey(task, epoch))) follows.push(attemptKey(task, epoch));
    if (attempt.session !== poll.session) continue;
    if (laterThan(poll, attempt.carried)) {
      const reason = job.action === "cancel" ? "cancelled" : attempt.stopping;
      if (reason === null) renews.push(attemptKey(task, epoch));
      else stops.push({ task, epoch, graceMs: job.template.stopGraceMs, reason });
    } else if (job.action === "run" && attempt.stopping === null) {
      jobs[job.id] = job.template;
      const { devices, ports } = attempt;
      assignments.push({
        task,
        epoch,
        item,
        ...(isKept(job.template) && { used: attemptsUsed }),
        ...(devices.length > 0 && { devices }),
        ...(ports.length > 0 && { ports }),
      });
    }
  }
  const rests = extra.wakeable && poll.mayRest && live === 0;
  // What is told in vain, or is being stopped, would be answered at once each time.
  const nextPollMs = extra.unacked > 0 || stops.length > 0 ? REPEAT_MS : rests ? WAKEABLE_POLL_MS : 0;
  return {
    session: poll.session,
    seq: poll.seq,
    ...(poll.nonce !== undefined && { nonce: poll.nonce }),
    renews,
    jobs,
    assignments,
    stops,
    acked: extra.acked,
    follows,
    nextPollMs,
    action: node?.paused ? "pause" : "run",
    wantInventory: extra.wantInventory,
  };
}

/** There is something that the agent must hear now. */
export const hasNews = (reply: PollReply): boolean =>
  reply.assignments.length > 0 || reply.stops.length > 0 || reply.acked.length > 0 || reply.wantInventory;

/** The node sleeps until it is called: nothing is gained by keeping its poll. */
export const isRest = (reply: PollReply): boolean => reply.nextPollMs === WAKEABLE_POLL_MS;

export function turnedAway(
  request: Pick<PollRequest, "session" | "seq" | "nonce" | "running">,
  action: Action,
): PollReply {
  const stops: Stop[] =
    action !== "gone"
      ? []
      : request.running.map(([task, epoch]) => ({ task, epoch, graceMs: 10_000, reason: "unknown" }));
  return {
    session: request.session,
    seq: request.seq,
    nonce: request.nonce,
    renews: [],
    jobs: {},
    assignments: [],
    stops,
    acked: [],
    follows: [],
    nextPollMs: 0,
    action,
    wantInventory: false,
  };
}
