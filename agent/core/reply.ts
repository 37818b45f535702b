/** What a reply changes: renewals, stops, new assignments, acks. Nothing else ever starts or renews an attempt. */

import { attemptKey, type Epoch, type TaskId } from "../../src/model/ids.ts";
import type { Template } from "../../src/model/job.ts";
import { isWithin } from "../../src/model/role.ts";
import type { Assignment, Inventory, PollReply, Update } from "../../src/protocol/agent.ts";
import { CONFIRM_DELAY_MS, graceLeftMs, holdMs, pauseMs, termAtMs } from "./poll.ts";
import { type AcceptRecord, acceptedAttempt, acceptRecord } from "./records.ts";
import { acceptsReply, isGuarded, mayRenew } from "./rules.ts";
import type { AgentEffect, AgentState, Attempt, Deadline, JournalRecord } from "./types.ts";

type Attempts = Map<string, Attempt>;

/** How long the reply to a poll may take beside its hold. */
const REPLY_MS = 3_000;

/** One uuid an attempt: it has one end, however often that is told. */
export const endOf = (
  attempt: Pick<Attempt, "key" | "task" | "epoch">,
  rest: Omit<Update, "uuid" | "task" | "epoch">,
): Update => ({
  uuid: `${attempt.key}:end`,
  task: attempt.task,
  epoch: attempt.epoch,
  ...rest,
});

/** The set that the guard enforces. */
export function deadlinesOf(attempts: Iterable<Attempt>): Deadline[] {
  const deadlines: Deadline[] = [];
  for (const attempt of attempts) {
    if (attempt.phase === "ended") continue;
    const { key, deadlineMs, template } = attempt;
    deadlines.push({ key, deadlineMs, termAtMs: termAtMs(attempt), stopAfterMs: template.stopAfterMs });
  }
  return deadlines;
}

const deadlineFrom = (sentAtMs: number, template: Template): number | null =>
  template.stopAfterMs === null ? null : sentAtMs + template.stopAfterMs;

/** Why this node does not run it, by its own config; null when it does. */
function refusal({ roles, drivers }: Inventory, template: Template): string | null {
  if (roles && !roles.some((role) => isWithin(template.role, role)))
    return `this node accepts the roles ${roles.join(", ") || "(none)"}, not ${template.role}`;
  if (!drivers.includes(template.driver))
    return `this node accepts the drivers ${drivers.join(", ") || "(none)"}, not ${template.driver}`;
  return null;
}

export function applyReply(
  before: AgentState,
  reply: PollReply,
  nowMs: number,
): { state: AgentState; effects: AgentEffect[] } {
  if (!acceptsReply(before, reply)) return { state: before, effects: [] };
  const sentAtMs = before.inFlight?.sentAtMs ?? nowMs;
  const attempts: Attempts = new Map(before.attempts);
  const records: JournalRecord[] = [];
  const after: AgentEffect[] = [];
  let state: AgentState = {
    ...before,
    inFlight: null,
    failures: 0,
    rejections: 0,
    action: reply.action,
    inventorySentRev: reply.wantInventory ? 0 : Math.max(before.inventorySentRev, before.inFlight?.inventoryRev ?? 0),
  };
  if (reply.credential) after.push({ type: "credential", credential: reply.credential });

  acknowledge(attempts, reply.acked, records, after);
  renew(state, attempts, reply.renews, sentAtMs, nowMs, after);
  const doubted = stop(attempts, reply, before.doubted, nowMs, records, after);
  const accepted = accept(state, attempts, reply, sentAtMs, nowMs, records, after);

  state = { ...state, nextPollAtMs: nowMs + pauseMs({ ...state, attempts }, reply.nextPollMs) };
  if (accepted) {
    const urgent = state.urgent || [...attempts.values()].some(({ phase }) => phase === "accepted");
    state = { ...state, nextPollAtMs: Math.max(state.nextPollAtMs, nowMs + CONFIRM_DELAY_MS), urgent };
  }
  if (records.some((record) => record.type === "end")) state = { ...state, urgent: true, nextPollAtMs: nowMs };
  if (reply.follows.join() !== state.follows.join()) {
    state = { ...state, follows: reply.follows };
    after.push({ type: "follow", keys: reply.follows });
  }
  if (reply.action === "rejoin") after.push(leaveForGood("rejoin"));

  const effects: AgentEffect[] = [];
  if (records.length > 0) effects.push({ type: "journal", records });
  const live = [...attempts.values()].some((attempt) => attempt.phase !== "ended");
  if (live || before.attempts.size > 0) effects.push({ type: "deadlines", deadlines: deadlinesOf(attempts.values()) });
  return { state: { ...state, attempts, doubted }, effects: [...effects, ...after] };
}

function acknowledge(attempts: Attempts, acked: string[], records: JournalRecord[], after: AgentEffect[]): void {
  const uuids = new Set(acked);
  if (uuids.size === 0) return;
  for (const attempt of attempts.values()) {
    if (attempt.end === null || !uuids.has(attempt.end.uuid)) continue;
    attempts.delete(attempt.key);
    records.push({ type: "forget", key: attempt.key });
    after.push({ type: "forget", key: attempt.key });
  }
}

/** Deadlines only ever move later. An attempt that waits starts only when a reply names it, in its time and with a guard. */
function renew(
  state: AgentState,
  attempts: Attempts,
  keys: string[],
  sentAtMs: number,
  nowMs: number,
  after: AgentEffect[],
): void {
  for (const key of keys) {
    const attempt = attempts.get(key);
    if (!attempt || attempt.phase === "ended" || attempt.stopReason !== null) continue;
    if (!mayRenew(attempt.deadlineMs, nowMs)) continue;
    const renewedTo = deadlineFrom(sentAtMs, attempt.template);
    const deadlineMs = renewedTo === null ? null : Math.max(renewedTo, attempt.deadlineMs ?? 0);
    if (attempt.phase !== "accepted" || !isGuarded(state) || nowMs < attempt.notBeforeMs) {
      attempts.set(key, { ...attempt, deadlineMs });
    } else if (deadlineMs === null || nowMs < deadlineMs) {
      const starting: Attempt = { ...attempt, deadlineMs, phase: "starting" };
      attempts.set(key, starting);
      after.push({ type: "start", attempt: starting });
    }
  }
}

/**
 * What the broker does not know is stopped when two answers in a row say so: one may come from an object that has only
 * begun to learn what its nodes run.
 * @returns those of which it was said now for the first time
 */
function stop(
  attempts: Attempts,
  reply: PollReply,
  doubted: ReadonlySet<string>,
  nowMs: number,
  records: JournalRecord[],
  after: AgentEffect[],
): Set<string> {
  const doubtful = new Set<string>();
  for (const { task, epoch, graceMs, reason } of reply.stops) {
    const attempt = attempts.get(attemptKey(task as TaskId, epoch as Epoch));
    if (!attempt || attempt.phase === "ended" || attempt.phase === "stopping") continue;
    if (reason === "unknown" && !doubted.has(attempt.key)) {
      doubtful.add(attempt.key);
      continue;
    }
    if (attempt.phase === "accepted") {
      const end = endOf(attempt, { state: "cancelled", reason: "cancelled", ranMs: 0, ...noOutput() });
      attempts.set(attempt.key, { ...attempt, phase: "ended", end });
      records.push({ type: "end", key: attempt.key, update: end });
    } else {
      attempts.set(attempt.key, { ...attempt, phase: "stopping", stopReason: "cancelled" });
      after.push({ type: "stop", key: attempt.key, graceMs: graceLeftMs(attempt, graceMs, nowMs) });
    }
  }
  return doubtful;
}

export const noOutput = () => ({
  stdout: { size: 0, crc32: 0, dropped: 0 },
  stderr: { size: 0, crc32: 0, dropped: 0 },
});

/**
 * Without a guard, under pressure, when leaving, or when what the node has is not known yet, an assignment is passed
 * over: the next poll omits it and it goes elsewhere.
 */
function accept(
  state: AgentState,
  attempts: Attempts,
  reply: PollReply,
  sentAtMs: number,
  nowMs: number,
  records: JournalRecord[],
  after: AgentEffect[],
): boolean {
  const { inventory } = state;
  if (!isGuarded(state) || inventory === null || state.leaving || state.pressure.length > 0) return false;
  let accepted = false;
  for (const assignment of reply.assignments) {
    const template = reply.jobs[jobOf(assignment)];
    const key = attemptKey(assignment.task as TaskId, assignment.epoch as Epoch);
    if (!template || attempts.has(key)) continue;
    const deadlineMs = deadlineFrom(sentAtMs, template);
    if (deadlineMs !== null && nowMs >= deadlineMs) continue;
    const { task, epoch, item, used, devices, ports } = assignment;
    const record: AcceptRecord = {
      ...{ type: "accept", key, task, epoch, item, template, boot: state.boot },
      ...(used !== undefined && { used }),
      ...(devices && { devices }),
      ...(ports && { ports }),
      ...(state.machine !== null && { machine: state.machine }),
    };
    const attempt: Attempt = { ...acceptedAttempt(record), phase: "starting", deadlineMs };
    records.push(acceptRecord(attempt));
    const refused = refusal(inventory, template);
    if (refused !== null) {
      const end = endOf(attempt, { state: "refused", reason: "refused", message: refused, ranMs: 0, ...noOutput() });
      attempts.set(key, { ...attempt, phase: "ended", end });
      records.push({ type: "end", key, update: end });
      continue;
    }
    const late = isLate(attempt, nowMs);
    attempts.set(key, late ? { ...attempt, phase: "accepted", deadlineMs: null } : attempt);
    if (!late) after.push({ type: "start", attempt });
    accepted = true;
  }
  return accepted;
}

/**
 * A long hold may have used up most of the time that its reply gives. When TERM would come before the next reply can,
 * an attempt is accepted and not started: that reply gives it its whole time.
 */
function isLate(attempt: Attempt, nowMs: number): boolean {
  const termMs = termAtMs(attempt);
  const { stopAfterMs } = attempt.template;
  return termMs !== null && stopAfterMs !== null && termMs - nowMs < holdMs(stopAfterMs) + REPLY_MS;
}

const jobOf = (assignment: Assignment): string => assignment.task.slice(0, assignment.task.lastIndexOf("."));

export const leaveForGood = (action: "rejoin" | "gone"): AgentEffect => ({
  type: "exit",
  code: 5,
  message:
    action === "gone"
      ? "this node was removed from its cluster; join again with a new token to come back"
      : "the broker does not accept this node's credential, or another agent uses it (a copied data folder?); join again with a new token",
});
