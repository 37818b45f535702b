/**
 * How attempts end and what becomes of their tasks: done, failed, tried again here, or returned to the Broker. A
 * terminal state is final; the end of an attempt decides its task only if nothing newer was handed out.
 */
import { type Epoch, handoutOf, localOf, parseTaskId } from "../model/ids.ts";
import { REST } from "../model/partition.ts";
import { withIndex } from "../model/ranges.ts";
import { isKept, retryDelayMs, usesRetry } from "../model/retry.ts";
import type { EndReason } from "../model/states.ts";
import type { Update } from "../protocol/agent.ts";
import { RECOVERY_MS, type ReturnReason } from "../protocol/levels.ts";
import type { PlaceNode } from "../scheduling/place/occupancy.ts";
import { endedLaunched } from "./frameworks/kill.ts";
import { isDoomed, liveInGang } from "./gang.ts";
import { isAdopted } from "./liveTasks.ts";
import type { ClusterMemory } from "./memory.ts";
import { addReturned } from "./returns.ts";
import { decides } from "./rules.ts";
import type { StopCause } from "./schema.ts";
import {
  isLeaving,
  itemOf,
  type JobState,
  type LeavingLive,
  type Live,
  partitionsFor,
  type Stock,
  startsIn,
  takeFrom,
} from "./state.ts";
import { type AttemptRow, type EndColumns, UNENDED } from "./store.ts";

/** Ends by which a task is lost to its gang; after any other it is tried again beside the others. */
const PARTING = new Set<EndReason>([
  "deadline",
  "rebooted",
  "shutdown",
  "agent-lost",
  "reclaimed",
  "drained",
  "cancelled",
]);

const columnsOf = (update: Update): EndColumns => ({
  reason: update.reason ?? null,
  code: update.code ?? null,
  signal: update.signal ?? null,
  message: update.message ?? null,
  ranMs: update.ranMs ?? null,
  stdoutBytes: update.stdout?.size ?? null,
  stderrBytes: update.stderr?.size ?? null,
});

const LOST: EndColumns = { ...UNENDED, reason: "agent-lost" };

/**
 * Stores the end that an agent tells of an attempt.
 * @param names whether the same poll names an attempt, as running or with its end
 * @returns whether it is stored, now or before: then it is acked
 */
export function applyUpdate(
  memory: ClusterMemory,
  node: string,
  update: Update,
  names: (task: string, epoch: number) => boolean,
  now: number,
): boolean {
  const id = parseTaskId(update.task);
  if (!id) return true;
  const epoch = update.epoch as Epoch;
  const job = memory.jobs.get(id.job);
  if (!job) return recordLate(memory, id.job, id.index, node, update);
  const leaving = leavingOf(job, id.index, epoch, node);
  if (leaving) {
    if (isDoubtful(update, job)) memory.mark(node, leaving.session, now);
    else endLeaving(memory, leaving, update, now);
    return true;
  }
  if (isUndecided(memory, job, id.index, epoch)) {
    job.heldEnds.set(id.index, Math.max(epoch, job.heldEnds.get(id.index) ?? 0) as Epoch);
    return false;
  }
  // What ended with the machine was of an earlier session.
  const session = (memory.nodes.get(node)?.session ?? 0) - (update.reason === "rebooted" ? 1 : 0);
  const live = adopt(memory, job, id.index, epoch, node, session);
  if (live && live.node === node && decides(epoch, live.epoch)) {
    if (isDoubtful(update, job)) memory.mark(node, live.session, now);
    else endLive(memory, live, update, isKept(job.template) && names(update.task, epoch + 1), now);
    return true;
  }
  const retry = job.retry.get(id.index);
  if (retry && handoutOf(epoch) === retry.handout && localOf(epoch) === retry.local && update.state === "succeeded") {
    // Lost, but not handed out again yet: its success still decides.
    job.retry.delete(id.index);
    settle(memory, job, id.index, "succeeded", retry.attemptsUsed, columnsOf(update));
    return true;
  }
  return recordLate(memory, id.job, id.index, node, update);
}

/** A copied disk also tells of reboots. What ran in the other boot is gone only when it was silent long enough. */
const isDoubtful = ({ reason }: Update, { template }: JobState): boolean =>
  reason === "rebooted" && template.stopAfterMs !== null;

/**
 * Whether it is too early to say that `epoch` is the newest hand-out of a task which an earlier incarnation handed out:
 * until the job's silence limit is counted, something newer may run where this object has not looked. The node repeats.
 */
function isUndecided(memory: ClusterMemory, job: JobState, index: number, epoch: Epoch): boolean {
  const live = job.live.get(index);
  const isOfOld = live ? isAdopted(live) && live.epoch <= epoch : inLimbo(job, index, epoch) !== undefined;
  if (!isOfOld) return false;
  return !recoveryIsOver(memory, job) || (job.heldEnds.get(index) ?? epoch) > epoch;
}

/** Nothing that an earlier incarnation handed out can run without having been claimed here. */
export const recoveryIsOver = (memory: ClusterMemory, job: JobState): boolean =>
  memory.self.recoverMs >= (job.template.lostAfterMs ?? RECOVERY_MS);

const inLimbo = (job: JobState, index: number, epoch: Epoch): Stock | undefined =>
  job.limbo.find(
    ({ handout, ranges }) => handout === handoutOf(epoch) && ranges.some(([a, b]) => index >= a && index < b),
  );

/** Not the end of what is live: kept on its attempt. */
function recordLate(memory: ClusterMemory, job: string, index: number, node: string, update: Update): boolean {
  const row = memory.store.task(job, index);
  if (!row && withinRecovery(memory)) return false;
  if (!row && !memory.jobs.has(job)) return true;
  if (row?.epoch !== update.epoch || row?.reason === "agent-lost") {
    // A copied disk also tells of reboots: that it was lost is all that is known then.
    const state = update.reason === "rebooted" ? "lost" : update.state;
    memory.store.recordLate(
      attemptRow({ job, index, epoch: update.epoch, node, ...NOWHERE }, state, columnsOf(update)),
    );
  }
  return true;
}

export const withinRecovery = (memory: ClusterMemory): boolean =>
  memory.self.recoverMs >= 0 && !(memory.brokerAnswered && memory.self.recoverMs >= RECOVERY_MS);

type Identity = Pick<AttemptRow, "job" | "index" | "epoch" | "node" | "partition" | "lender">;
/** Of an attempt that these rows never handed out. */
const NOWHERE = { partition: REST, lender: null };

const attemptRow = (identity: Identity, state: AttemptRow["state"], end: EndColumns): AttemptRow => ({
  ...identity,
  state,
  ...end,
});
const identityOf = ({ job, index, epoch, node, partition, lender }: Live): Identity => ({
  job: job.id,
  index,
  epoch,
  node,
  partition,
  lender,
});

/** A new incarnation learns from its nodes what runs: valid credential, valid hand-out, the newest that is claimed. */
export function adopt(
  memory: ClusterMemory,
  job: JobState,
  index: number,
  epoch: Epoch,
  node: string,
  session = memory.nodes.get(node)?.session ?? 0,
): Live | null {
  const before = job.live.get(index);
  if (before && !(isAdopted(before) && handoutOf(before.epoch) === handoutOf(epoch) && before.epoch < epoch))
    return before;
  const stock = before ?? inLimbo(job, index, epoch);
  if (!stock) return null;
  takeFrom(job.limbo, index);
  job.heldEnds.delete(index);
  const place = before ?? memory.placeFor(job, node);
  const live: Live = {
    job,
    index,
    epoch,
    attemptsUsed: stock.attemptsUsed,
    node,
    session,
    carried: { session, seq: 0 },
    item: itemOf(job.supply, index),
    partition: place.partition,
    lender: place.lender,
    assignedAt: before?.assignedAt ?? memory.builtAt,
    devices: before?.devices ?? [],
    ports: before?.ports ?? [],
    stopping: null,
    confirmed: true,
  };
  memory.addLive(live);
  job.dirty = "now";
  memory.store.handOut({
    job: job.id,
    index,
    epoch,
    attemptsUsed: live.attemptsUsed,
    node,
    session,
    carriedSession: session,
    carriedSeq: 0,
    item: live.item,
    partition: live.partition,
    lender: live.lender,
    assignedAt: live.assignedAt,
    devices: live.devices,
    ports: live.ports,
  });
  return live;
}

/** @param goesOn its node has the next epoch already, and has told so with this end */
function endLive(memory: ClusterMemory, live: Live, update: Update, goesOn: boolean, now: number): void {
  const { job, index } = live;
  // A node only knows that it was told to stop it.
  const reason = (update.state === "cancelled" && live.stopping) || (update.reason ?? null);
  const end = { ...columnsOf(update), reason, ranMs: update.ranMs ?? heldMs(live, now) };
  memory.dropLive(live);
  job.ran.add(live, end.ranMs, true);
  const blamed = update.state === "failed" && usesRetry(update.reason ?? "exit");
  const isMove = runsBeside(job, index);
  const { retryMax, retryBackoffMs } = job.template;
  // While it runs on where it was, only the move has failed: the task keeps its last try.
  const most = isMove ? Math.max(live.attemptsUsed, retryMax) : Number.POSITIVE_INFINITY;
  const attemptsUsed = Math.min(most, live.attemptsUsed + (blamed ? 1 : 0));
  if (update.state === "refused") job.refusedBy.add(live.node);
  if (blamed) job.lastFailure = { index, node: live.node, message: describe(update) };
  const decided = decision(update, live, blamed && !isMove && attemptsUsed > retryMax);
  if (goesOn && (decided === null || decided === "cancelled")) {
    memory.store.keepAttempt(attemptRow(identityOf(live), update.state, end));
    goOn(memory, live, attemptsUsed, now);
    return;
  }
  if (decided !== null) {
    settle(memory, job, index, decided, attemptsUsed, end);
    if (decided === "failed") stopGang(memory, job, index);
    return;
  }
  memory.store.keepAttempt(attemptRow(identityOf(live), update.state, end));
  const failures = isMove ? Math.max(1, localOf(live.epoch)) : attemptsUsed;
  const backoffMs = blamed ? retryDelayMs(failures, retryBackoffMs) : 0;
  tryAgain(memory, live, attemptsUsed, backoffMs, reason ?? "exit", end, now);
}

/** What its node goes on with is handed out as if from here, in the same place; to be stopped if that one was. */
function goOn(memory: ClusterMemory, ended: Live, attemptsUsed: number, now: number): void {
  const { job, index, carried, stopping } = ended;
  const live: Live = { ...ended, epoch: (ended.epoch + 1) as Epoch, attemptsUsed, assignedAt: now, confirmed: true };
  memory.addLive(live);
  memory.store.handOut({ ...live, job: job.id, carriedSession: carried.session, carriedSeq: carried.seq });
  if (stopping !== null) memory.store.stop(job.id, index, stopping);
  const leaving = job.leaving.get(index);
  if (leaving) memory.saveLeaving(leaving);
  job.dirty = "now";
}

/** The earlier attempt that runs on there, if it is this one. */
export function leavingOf(job: JobState, index: number, epoch: Epoch, node: string): LeavingLive | undefined {
  const leaving = job.leaving.get(index);
  return leaving?.epoch === epoch && leaving.node === node ? leaving : undefined;
}

/** An earlier attempt of the task runs on, and shall. */
function runsBeside(job: JobState, index: number): boolean {
  const leaving = job.leaving.get(index);
  return leaving !== undefined && leaving.stopping === null;
}

/** Something newer was handed out, so it decides nothing. */
function endLeaving(memory: ClusterMemory, live: LeavingLive, update: Update, now: number): void {
  const isMoved = update.state === "cancelled" && live.job.action === "run";
  const reason: EndReason | null = isMoved ? "drained" : (update.reason ?? null);
  const end = { ...columnsOf(update), reason, ranMs: update.ranMs ?? heldMs(live, now) };
  memory.dropLive(live);
  live.job.ran.add(live, end.ranMs, true);
  memory.store.keepAttempt(attemptRow(identityOf(live), update.state, end));
  hasten(memory, live, now);
  live.job.dirty = "now";
}

/** Nothing of the task runs any more: that its moves failed puts it off no longer than one failure does. */
function hasten(memory: ClusterMemory, { job, index }: Live, now: number): void {
  const retry = job.retry.get(index);
  const latestMs = now + job.template.retryBackoffMs;
  if (retry === undefined || retry.notBefore <= latestMs) return;
  job.retry.set(index, { ...retry, notBefore: latestMs });
  memory.store.setTaskState(job.id, index, "waiting", latestMs);
}

/** Nobody tells how it ended, and nobody waits for it. */
function forgetLeaving(memory: ClusterMemory, live: LeavingLive, now: number): void {
  const end = { ...LOST, ranMs: heldMs(live, now) };
  memory.dropLive(live);
  live.job.ran.add(live, end.ranMs, false);
  memory.store.keepAttempt(attemptRow(identityOf(live), "lost", end));
  hasten(memory, live, now);
  live.job.dirty = "now";
}

/** Has an attempt stopped whose job goes on: its task is tried again with its first age, and no retry is used. */
export function stopLive(memory: ClusterMemory, live: Live, cause: StopCause): void {
  if (live.stopping !== null) return;
  live.stopping = cause;
  memory.touch(live.node);
  if (!isLeaving(live)) memory.store.stop(live.job.id, live.index, cause);
  if (live.job.dirty === "no") live.job.dirty = "soon";
  if (cause !== "gang") stopGang(memory, live.job, live.index);
}

/** All that runs of the task's gang stops: it goes on together or not at all. */
export function stopGang(memory: ClusterMemory, job: JobState, index: number): void {
  for (const live of liveInGang(job, index)) stopLive(memory, live, "gang");
}

/** How long its resources were held here, by this object's clock: for ends that no node told. */
const heldMs = (live: Live, now: number): number => Math.max(0, now - live.assignedAt);

/** null: it is tried again */
function decision(update: Update, { job, index }: Live, usedUp: boolean): "succeeded" | "failed" | "cancelled" | null {
  if (update.state === "succeeded") return "succeeded";
  if (job.action === "cancel") return "cancelled";
  // Whether it is tried again is its framework's to say.
  if (job.launched !== null) return update.state === "cancelled" ? "cancelled" : "failed";
  if (usedUp) return "failed";
  return isDoomed(job, index) ? "cancelled" : null;
}

export function describe(update: Pick<Update, "reason" | "code" | "signal" | "message">): string {
  switch (update.reason) {
    case "timeout":
      return "ran longer than its timeout";
    case "signal":
      return `ended by ${update.signal ?? "a signal"}`;
    case "start-failed":
      return `could not be started: ${update.message ?? "no reason given"}`;
    case "out-of-memory":
      return update.message ?? "ran out of memory";
    case "vanished":
      return "vanished: the process was gone and left no exit status";
    default:
      return update.code === undefined ? (update.message ?? "failed") : `exit code ${update.code}`;
  }
}

/** Terminal. */
export function settle(
  memory: ClusterMemory,
  job: JobState,
  index: number,
  state: "succeeded" | "failed" | "cancelled",
  attemptsUsed: number,
  end: EndColumns,
): void {
  if (state === "succeeded") job.done = withIndex(job.done, index);
  else if (state === "failed") job.failed = withIndex(job.failed, index);
  else job.cancelled = withIndex(job.cancelled, index);
  memory.store.end(job.id, index, state, attemptsUsed, 0, end);
  job.dirty = "now";
  if (job.launched !== null) endedLaunched(memory, job, state === "succeeded");
}

/** Here, if another node could and the next epoch is sure to be new; otherwise the Broker finds it another cluster. */
function tryAgain(
  memory: ClusterMemory,
  live: Live,
  attemptsUsed: number,
  backoffMs: number,
  reason: EndReason,
  end: EndColumns,
  now: number,
): void {
  const { job, index, epoch, node, item } = live;
  const handout = handoutOf(epoch);
  // What was taken back is for others here: another cluster may have room for it. A gang goes there in whole. And of
  // what its node may have gone on with, only a new hand-out is newer for sure.
  const leaves = reason === "reclaimed" || (reason === "agent-lost" && isKept(job.template));
  const stays = job.template.gang !== null || (!leaves && canRunHere(memory, job, now));
  if (isAdopted(live) || PARTING.has(reason)) stopGang(memory, job, index);
  if (!isAdopted(live) && stays) {
    const isDrained = reason === "drained";
    const notBefore = backoffMs === 0 ? 0 : now + backoffMs;
    job.retry.set(index, {
      index,
      handout,
      local: localOf(epoch),
      attemptsUsed,
      avoid: node,
      notBefore,
      item,
      reason,
      ...(isDrained && { drainedAt: now }),
    });
    memory.store.end(job.id, index, "waiting", attemptsUsed, isDrained ? now : notBefore, end);
  } else {
    memory.store.end(job.id, index, "returned", attemptsUsed, 0, end);
    giveBack(memory, job, index, handout, attemptsUsed, reason);
  }
  job.dirty = "now";
}

/** Whether a node that is up could run it, were it empty. */
export function canRunHere(memory: ClusterMemory, job: JobState, now: number): boolean {
  const { limits, claim, refusedBy } = job;
  const nodes = memory.nodeAccounts.tellable(now);
  const known = couldBefore.get(job);
  const isKnown = known?.nodes === nodes && known.limits === limits && known.claim === claim;
  if (isKnown && known.refused === refusedBy.size) return known.could;
  const could = couldRun(memory, job, now).next().done !== true;
  couldBefore.set(job, { nodes, limits, claim, refused: refusedBy.size, could });
  return could;
}

/** True as long as neither the nodes nor what the job may are otherwise. */
const couldBefore = new WeakMap<
  JobState,
  Pick<JobState, "limits" | "claim"> & { nodes: number; refused: number; could: boolean }
>();

/** Nodes of those partitions that are up and could, were they empty. */
export function* couldRun(
  memory: ClusterMemory,
  job: JobState,
  now: number,
  partitions: readonly string[] = startsIn(job),
): Generator<PlaceNode> {
  for (const accepting of memory.placer.accepting(job.asked)) {
    const node = memory.nodes.get(accepting.name);
    if (!node || !memory.isUp(node, now) || job.refusedBy.has(node.name)) continue;
    if (partitions.some((one) => accepting.partitions.includes(one))) yield accepting;
  }
}

export function giveBack(
  memory: ClusterMemory,
  job: JobState,
  index: number,
  handout: number,
  attemptsUsed: number,
  reason: ReturnReason,
): void {
  const partitions = partitionsFor(job);
  addReturned(memory, job, [{ from: index, to: index + 1, handout, attemptsUsed, reason, partitions }]);
  job.dirty = "now";
  memory.saveGrant(job);
}

/** A node was silent past the job's limit: the attempt is over as far as anyone here is concerned. Never undone. */
export function lose(memory: ClusterMemory, live: Live, now: number): void {
  if (isLeaving(live)) {
    forgetLeaving(memory, live, now);
    return;
  }
  const { job, index } = live;
  memory.dropLive(live);
  const end = { ...LOST, ranMs: heldMs(live, now) };
  job.ran.add(live, end.ranMs, false);
  memory.store.keepAttempt(attemptRow(identityOf(live), "lost", end));
  if (job.launched !== null) settle(memory, job, index, "failed", live.attemptsUsed, end);
  else if (job.action === "cancel") settle(memory, job, index, "cancelled", live.attemptsUsed, end);
  else tryAgain(memory, live, live.attemptsUsed, 0, "agent-lost", end, now);
}

/** A later poll shows that the node never started it, and never will. */
export function withdraw(memory: ClusterMemory, live: Live, now: number): void {
  if (isLeaving(live)) {
    forgetLeaving(memory, live, now);
    return;
  }
  const { job, index, epoch } = live;
  memory.dropLive(live);
  if (job.action === "cancel") {
    settle(memory, job, index, "cancelled", live.attemptsUsed, { ...LOST, reason: "cancelled" });
    return;
  }
  if (isAdopted(live)) {
    if (recoveryIsOver(memory, job)) {
      stopGang(memory, job, index);
      memory.store.setTaskState(job.id, index, "returned");
      giveBack(memory, job, index, handoutOf(epoch), live.attemptsUsed, "surplus");
    } else {
      job.limbo.push({ handout: handoutOf(epoch), attemptsUsed: live.attemptsUsed, ranges: [[index, index + 1]] });
    }
    return;
  }
  const { stopping } = live;
  if (stopping !== null && job.launched !== null) {
    settle(memory, job, index, "cancelled", live.attemptsUsed, { ...UNENDED, reason: stopping });
    return;
  }
  if (stopping !== null) {
    // As if it had begun and stopped: whoever it was stopped for has its place.
    tryAgain(memory, live, live.attemptsUsed, 0, stopping, { ...UNENDED, reason: stopping }, now);
    return;
  }
  job.retry.set(index, {
    index,
    handout: handoutOf(epoch),
    local: localOf(epoch),
    attemptsUsed: live.attemptsUsed,
    avoid: null,
    notBefore: 0,
    item: live.item,
    reason: null,
  });
  memory.store.setTaskState(job.id, index, "waiting");
  if (job.launched !== null) memory.frameworks.launch(job);
  job.dirty = job.dirty === "now" ? "now" : "soon";
}
