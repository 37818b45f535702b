/**
 * The agent's core: `step(state, event, now) → { state, effects }`, pure. Sessions, renewals, updates and recovery live
 * here and nowhere else, so that the simulator runs the very same code as a node.
 *
 * All times are boot-time ms of the node (`/proc/uptime`), which counts suspend and never jumps.
 */
import { formatAmount } from "../../src/model/resources.ts";
import type { Inventory, Update } from "../../src/protocol/agent.ts";
import { asked, loneStartMs, successorOf } from "./keeping.ts";
import { backoffMs, duePoll, graceLeftMs, newsDueMs, termAtMs, timeoutAtMs } from "./poll.ts";
import { acceptedAttempt, acceptRecord } from "./records.ts";
import { applyReply, deadlinesOf, endOf, leaveForGood, noOutput } from "./reply.ts";
import type { AgentEffect, AgentEvent, AgentState, Attempt, Exit, Found, JournalRecord } from "./types.ts";

export interface Step {
  state: AgentState;
  effects: AgentEffect[];
}

/** Refusals of the credential in a row before the agent believes them. */
const MAX_REJECTIONS = 3;
const MIB = 1024 * 1024;
/** Within this time after its wake socket was lost an agent polls: a broker may have lost all of them at once. */
const SOCKET_LOST_MS = 5_000;
/** After a start that failed for what is wrong with this machine. */
const REST_MS = 5_000;

export interface Start {
  boot: string;
  /** random, ≥ 8 characters */
  nonce: string;
  /** tells this machine and this data folder from any copy; null where nothing does */
  machine: string | null;
  /** null: an event tells it */
  inventory: Inventory | null;
  nowMs: number;
}

/** Reads the journal, in order. The effects make the new session durable before anything is sent. */
export function initialState(journal: readonly JournalRecord[], start: Start): Step {
  let session = 0;
  const attempts = new Map<string, Attempt>();
  for (const record of journal) {
    switch (record.type) {
      case "session":
        session = Math.max(session, record.session);
        break;
      case "accept":
        attempts.set(record.key, acceptedAttempt(record));
        break;
      case "end": {
        const attempt = attempts.get(record.key);
        if (attempt) attempts.set(record.key, { ...attempt, phase: "ended", end: record.update });
        break;
      }
      case "forget":
        attempts.delete(record.key);
        break;
    }
  }
  session += 1;
  const state: AgentState = {
    session,
    nonce: start.nonce,
    boot: start.boot,
    machine: start.machine,
    seq: 0,
    inFlight: null,
    attempts,
    inventory: start.inventory,
    inventoryRev: start.inventory === null ? 0 : 1,
    inventorySentRev: 0,
    pressure: [],
    nextPollAtMs: start.nowMs,
    failures: 0,
    rejections: 0,
    action: "run",
    urgent: true,
    wakeable: false,
    woken: false,
    guarded: false,
    restsUntilMs: null,
    recovered: false,
    leaving: false,
    doubted: new Set(),
    follows: [],
  };
  return { state, effects: [{ type: "journal", records: [{ type: "session", session, boot: start.boot }] }] };
}

/** Nothing runs and every end is acked. */
export const nothingLeft = (state: AgentState): boolean => state.attempts.size === 0;

/** @param random in [0, 1), for the jitter of retries */
export function step(state: AgentState, event: AgentEvent, nowMs: number, random: number): Step {
  const { state: applied, effects: first } = apply(state, event, nowMs, random);
  const { state: next, effects } = removed(rested(applied, nowMs), first, nowMs);
  const stops = dueStops(next, nowMs);
  const starts = dueStarts(stops.state, nowMs);
  const poll = duePoll(starts.state, nowMs);
  return { state: poll.state, effects: [...effects, ...stops.effects, ...starts.effects, ...poll.effects] };
}

/** What kept it from starting anything may be over. */
function rested(state: AgentState, nowMs: number): AgentState {
  if (state.restsUntilMs === null || nowMs < state.restsUntilMs) return state;
  return { ...pollBy(state, nowMs), restsUntilMs: null, urgent: true };
}

/** A node that was removed from its cluster stops what it runs, then ends. */
function removed(state: AgentState, effects: AgentEffect[], nowMs: number): Step {
  if (state.action !== "gone") return { state, effects };
  const left = leave(state, nowMs);
  const over = [...left.state.attempts.values()].every((attempt) => attempt.phase === "ended");
  return { state: left.state, effects: [...effects, ...left.effects, ...(over ? [leaveForGood("gone")] : [])] };
}

function apply(state: AgentState, event: AgentEvent, nowMs: number, random: number): Step {
  switch (event.type) {
    case "recovered":
      return recovered(state, event.attempts, nowMs);
    case "reply":
      return applyReply(state, event.reply, nowMs);
    case "no-reply":
      return noReply(state, event, nowMs, random);
    case "started": {
      const attempt = state.attempts.get(event.key);
      if (attempt?.phase !== "starting") return { state, effects: [] };
      return { state: withAttempt(state, { ...attempt, phase: "running", startedAtMs: nowMs }), effects: [] };
    }
    case "start-failed": {
      const resting = event.nodeFault ? { ...state, restsUntilMs: nowMs + REST_MS } : state;
      return ended(resting, event.key, nowMs, (attempt) =>
        endOf(attempt, {
          state: "failed",
          reason: event.nodeFault ? "node-fault" : "start-failed",
          message: event.message.slice(0, 1000),
          ranMs: 0,
          ...noOutput(),
        }),
      );
    }
    case "exited":
      return ended(state, event.key, nowMs, (attempt) => endOf(attempt, describeExit(attempt, event.exit, nowMs)));
    case "tick":
      return { state, effects: [] };
    case "wake":
      return { state: woken(state, nowMs), effects: [] };
    case "wake-socket": {
      const next: AgentState = { ...state, wakeable: event.open };
      return { state: event.open ? next : pollBy(next, nowMs + Math.floor(random * SOCKET_LOST_MS)), effects: [] };
    }
    case "guard": {
      if (state.guarded === event.alive) return { state, effects: [] };
      return {
        state: { ...state, guarded: event.alive, urgent: true, nextPollAtMs: Math.min(state.nextPollAtMs, nowMs) },
        effects: [],
      };
    }
    case "pressure": {
      if (event.pressure.join() === state.pressure.join()) return { state, effects: [] };
      return {
        state: { ...state, pressure: event.pressure, urgent: true, nextPollAtMs: Math.min(state.nextPollAtMs, nowMs) },
        effects: [],
      };
    }
    case "inventory":
      return {
        state: {
          ...state,
          inventory: event.inventory,
          inventoryRev: state.inventoryRev + 1,
          urgent: true,
          nextPollAtMs: Math.min(state.nextPollAtMs, nowMs),
        },
        effects: [],
      };
    case "leave":
      return leave(state, nowMs);
  }
}

/** A poll that is due later only because the broker wanted it so comes sooner; what failed keeps its distance. */
const pollBy = (state: AgentState, atMs: number): AgentState =>
  state.failures > 0 ? state : { ...state, nextPollAtMs: Math.min(state.nextPollAtMs, atMs) };

/** A held poll is answered anyway, but the reply to one may have left before what the wake is for. */
const woken = (state: AgentState, nowMs: number): AgentState =>
  state.inFlight === null ? pollBy(state, nowMs) : { ...state, woken: true };

const withAttempt = (state: AgentState, attempt: Attempt): AgentState => ({
  ...state,
  attempts: new Map(state.attempts).set(attempt.key, attempt),
});

/** What survived keeps its old deadline until a reply names it; what did not is told. */
function recovered(
  state: AgentState,
  found: { key: string; found: Found; deadlineMs: number | null }[],
  nowMs: number,
): Step {
  const attempts = new Map(state.attempts);
  const records: JournalRecord[] = [];
  const effects: AgentEffect[] = [];
  for (const { key, found: what, deadlineMs } of found) {
    const attempt = attempts.get(key);
    if (!attempt || attempt.phase === "ended") continue;
    if (what.is === "running") {
      const keep = attempt.template.stopAfterMs === null;
      attempts.set(key, {
        ...attempt,
        phase: "running",
        startedAtMs: what.startedAtMs ?? nowMs,
        deadlineMs: keep ? null : (deadlineMs ?? nowMs),
      });
      effects.push({ type: "watch", key });
    } else if (what.is === "never-started" && mayStart(attempt, state, deadlineMs, nowMs)) {
      attempts.set(key, asked({ ...attempt, phase: "accepted", deadlineMs }, state, nowMs));
    } else {
      const update = endOf(
        attempt,
        what.is === "ended" ? describeExit(attempt, what.exit, nowMs) : neverRan(attempt, state),
      );
      attempts.set(key, { ...attempt, phase: "ended", end: update });
      records.push({ type: "end", key, update });
      const successor = successorOf(attempt, update, state, nowMs);
      if (successor !== null) {
        attempts.set(successor.key, successor);
        records.push(acceptRecord(successor));
      }
    }
  }
  const journal: AgentEffect[] = records.length > 0 ? [{ type: "journal", records }] : [];
  const deadlines: AgentEffect = { type: "deadlines", deadlines: deadlinesOf(attempts.values()) };
  return { state: { ...state, attempts, recovered: true }, effects: [...journal, deadlines, ...effects] };
}

/** Its deadline was with the guard before it could start; without one, or past it, only a new hand-out may run it. */
const mayStart = (attempt: Attempt, state: AgentState, deadlineMs: number | null, nowMs: number): boolean =>
  attempt.boot === state.boot && (attempt.template.stopAfterMs === null || (deadlineMs !== null && nowMs < deadlineMs));

const neverRan = (attempt: Attempt, state: AgentState): Omit<Update, "uuid" | "task" | "epoch"> =>
  attempt.boot === state.boot
    ? {
        state: "failed",
        reason: "deadline",
        message: "its time was over before it could start",
        ranMs: 0,
        ...noOutput(),
      }
    : { state: "failed", reason: "rebooted", message: "the machine booted anew", ...noOutput() };

function noReply(
  state: AgentState,
  event: { seq: number; retryAfterMs: number | null; rejected: boolean },
  nowMs: number,
  random: number,
): Step {
  if (state.inFlight?.seq !== event.seq) return { state, effects: [] };
  const rejections = event.rejected ? state.rejections + 1 : 0;
  const failing: AgentState = { ...state, inFlight: null, failures: state.failures + 1, rejections };
  const next: AgentState = { ...failing, nextPollAtMs: nowMs + backoffMs(failing, event.retryAfterMs, random) };
  if (rejections < MAX_REJECTIONS) return { state: next, effects: [] };
  return { state: { ...next, action: "rejoin" }, effects: [leaveForGood("rejoin")] };
}

function ended(state: AgentState, key: string, nowMs: number, describe: (attempt: Attempt) => Update): Step {
  const attempt = state.attempts.get(key);
  if (!attempt || attempt.phase === "ended") return { state, effects: [] };
  const update = describe(attempt);
  const successor = successorOf(attempt, update, state, nowMs);
  const over = withAttempt(state, { ...attempt, phase: "ended", end: update });
  const next = successor === null ? over : withAttempt(over, successor);
  const accept = successor === null ? [] : [acceptRecord(successor)];
  return {
    state: { ...next, urgent: true, nextPollAtMs: next.failures > 0 ? next.nextPollAtMs : newsDueMs(next, nowMs) },
    effects: [
      { type: "journal", records: [{ type: "end", key, update }, ...accept] },
      { type: "deadlines", deadlines: deadlinesOf(next.attempts.values()) },
    ],
  };
}

/** A command that goes on without the process that the kernel ended, and says that it succeeded, is believed. */
function describeExit(attempt: Attempt, exit: Exit, nowMs: number): Omit<Update, "uuid" | "task" | "epoch"> {
  const { code, signal, stdout, stderr } = exit;
  const ranMs = exit.ranMs ?? (attempt.startedAtMs === null ? 0 : Math.max(0, Math.round(nowMs - attempt.startedAtMs)));
  const facts = {
    ...(code !== null && { code }),
    ...(signal !== null && { signal }),
    ranMs,
    stdout,
    stderr,
  };
  const stopReason = attempt.stopReason ?? (exit.byGuard ? "deadline" : null);
  if (stopReason !== null) {
    return { state: stopReason === "cancelled" ? "cancelled" : "failed", reason: stopReason, ...facts };
  }
  if (exit.oom && code !== 0) {
    const limit = formatAmount("mem", (exit.oom.limitBytes / MIB) * 1000);
    return { state: "failed", reason: "out-of-memory", message: `took more than its ${limit} of memory`, ...facts };
  }
  if (exit.vanished)
    return { state: "failed", reason: "vanished", message: "the process was gone and left no exit status", ...facts };
  if (code === 0) return { state: "succeeded", reason: "exit", ...facts };
  return { state: "failed", reason: signal === null ? "exit" : "signal", ...facts };
}

/** Timeouts and lapsing deadlines; the guard does the latter too, should the agent not live to. */
function dueStops(state: AgentState, nowMs: number): Step {
  let next = state;
  const effects: AgentEffect[] = [];
  for (const attempt of state.attempts.values()) {
    if (attempt.phase === "accepted" && attempt.deadlineMs !== null && nowMs >= attempt.deadlineMs) {
      const lapsed = ended(next, attempt.key, nowMs, () => endOf(attempt, neverRan(attempt, state)));
      next = lapsed.state;
      effects.push(...lapsed.effects);
    }
    if (attempt.phase !== "running" && attempt.phase !== "starting") continue;
    const timeoutMs = timeoutAtMs(attempt);
    const termMs = termAtMs(attempt);
    const stopReason =
      termMs !== null && nowMs >= termMs ? "deadline" : timeoutMs !== null && nowMs >= timeoutMs ? "timeout" : null;
    if (stopReason === null) continue;
    next = withAttempt(next, { ...attempt, phase: "stopping", stopReason });
    effects.push({
      type: "stop",
      key: attempt.key,
      graceMs: graceLeftMs(attempt, attempt.template.stopGraceMs, nowMs),
    });
  }
  return { state: next, effects };
}

/** What the node starts by itself. */
function dueStarts(state: AgentState, nowMs: number): Step {
  let next = state;
  const effects: AgentEffect[] = [];
  for (const attempt of state.attempts.values()) {
    if (nowMs < loneStartMs(attempt, state)) continue;
    const starting: Attempt = { ...attempt, phase: "starting" };
    next = withAttempt(next, starting);
    effects.push({ type: "start", attempt: starting });
  }
  return { state: next, effects };
}

function leave(state: AgentState, nowMs: number): Step {
  if (state.leaving) return { state, effects: [] };
  let next: AgentState = { ...state, leaving: true, urgent: true, nextPollAtMs: nowMs };
  const effects: AgentEffect[] = [];
  const records: JournalRecord[] = [];
  for (const attempt of state.attempts.values()) {
    if (attempt.phase === "accepted") {
      const update = endOf(attempt, { state: "failed", reason: "shutdown", ranMs: 0, ...noOutput() });
      next = withAttempt(next, { ...attempt, phase: "ended", end: update });
      records.push({ type: "end", key: attempt.key, update });
    } else if (attempt.phase === "running" || attempt.phase === "starting") {
      next = withAttempt(next, { ...attempt, phase: "stopping", stopReason: "shutdown" });
      effects.push({
        type: "stop",
        key: attempt.key,
        graceMs: graceLeftMs(attempt, attempt.template.stopGraceMs, nowMs),
      });
    }
  }
  if (records.length > 0) effects.unshift({ type: "journal", records });
  return { state: next, effects };
}
