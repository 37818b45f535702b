/** When to poll, and what a poll says. */
import { attemptKey, type Epoch, type TaskId } from "../../src/model/ids.ts";
import { GUARD_MARGIN_MS } from "../../src/model/stopping.ts";
import type { PollRequest } from "../../src/protocol/agent.ts";
import { MAX_WAIT_S } from "../../src/protocol/limits.ts";
import { loneStartMs } from "./keeping.ts";
import { isGuarded } from "./rules.ts";
import type { AgentEffect, AgentState, Attempt } from "./types.ts";

const BACKOFF_BASE_MS = 500;
const BACKOFF_MAX_MS = 60_000;
/** How often a node polls that does not know yet what it has: until then every answer comes at once. */
const UNKNOWN_MS = 1_000;
/** Ends within this time of each other go in one poll. */
const BATCH_MS = 4;
/** After an assignment: a short task's end is told by the poll that would have confirmed its start. */
export const CONFIRM_DELAY_MS = 50;
/** With the longest messages still below the limit of a body. */
const MAX_UPDATES = 400;

const isLive = (attempt: Attempt) => attempt.phase !== "ended";

/** The shortest `stopAfter` among live attempts; a poll must come well within it. */
function shortestStopAfterMs(state: AgentState): number {
  let shortest = Number.POSITIVE_INFINITY;
  for (const attempt of state.attempts.values()) {
    if (isLive(attempt) && attempt.template.stopAfterMs !== null) {
      shortest = Math.min(shortest, attempt.template.stopAfterMs);
    }
  }
  return shortest;
}

/**
 * Longest hold while an attempt of this `stopAfter` runs. The newest renewal may be two holds old and the guard's file
 * a tenth of `stopAfter` older still, and TERM may be due when half of `stopAfter` is over.
 */
export const holdMs = (stopAfterMs: number): number => Math.min(MAX_WAIT_S * 1000, stopAfterMs / 6);

export const holdS = (state: AgentState): number => Math.max(1, Math.floor(holdMs(shortestStopAfterMs(state)) / 1000));

/** A long pause is for who has nothing left to tell, also since its poll left, and a socket by which it would be ended. */
export const pauseMs = (state: AgentState, wantedMs: number): number => {
  if (state.woken || state.urgent) return 0;
  const ms = state.wakeable && state.attempts.size === 0 ? wantedMs : Math.min(wantedMs, holdS(state) * 1000);
  return state.inventory === null ? Math.max(ms, UNKNOWN_MS) : ms;
};

/** Full jitter; `random` in [0, 1). A server's Retry-After wins. */
export function backoffMs(state: AgentState, retryAfterMs: number | null, random: number): number {
  const most = Math.min(
    BACKOFF_MAX_MS,
    shortestStopAfterMs(state) / 4,
    BACKOFF_BASE_MS * 2 ** Math.min(state.failures, 10),
  );
  return (retryAfterMs ?? 0) + Math.ceil(random * most);
}

/** When the news of an ended attempt should leave: at once when nothing else is about to end. */
export function newsDueMs(state: AgentState, nowMs: number): number {
  for (const attempt of state.attempts.values()) {
    if (attempt.phase === "starting" || attempt.phase === "running") return nowMs + BATCH_MS;
  }
  return nowMs;
}

const hasNews = (state: AgentState): boolean => {
  if (state.urgent) return true;
  for (const attempt of state.attempts.values()) if (attempt.end !== null) return true;
  return false;
};

/** Earliest time at which the core has something to do without any event. */
export function nextWakeMs(state: AgentState): number {
  if (!state.recovered) return Number.POSITIVE_INFINITY;
  let wakeMs =
    state.inFlight === null || (state.inFlight.held && hasNews(state)) ? state.nextPollAtMs : Number.POSITIVE_INFINITY;
  wakeMs = Math.min(wakeMs, state.restsUntilMs ?? Number.POSITIVE_INFINITY);
  for (const attempt of state.attempts.values()) {
    wakeMs = Math.min(wakeMs, loneStartMs(attempt, state));
    if (attempt.phase !== "running" && attempt.phase !== "starting") continue;
    wakeMs = Math.min(
      wakeMs,
      termAtMs(attempt) ?? Number.POSITIVE_INFINITY,
      timeoutAtMs(attempt) ?? Number.POSITIVE_INFINITY,
    );
  }
  return wakeMs;
}

/** TERM leaves room for the grace and for KILL to be done by the deadline. */
export function termAtMs(attempt: Attempt): number | null {
  return attempt.deadlineMs === null ? null : attempt.deadlineMs - attempt.template.stopGraceMs - GUARD_MARGIN_MS;
}

/** A stop that comes late, after a suspend, gives less of the grace: the guard may be late then, too. */
export const graceLeftMs = ({ deadlineMs }: Attempt, graceMs: number, nowMs: number): number =>
  deadlineMs === null ? graceMs : Math.max(0, Math.min(graceMs, deadlineMs - GUARD_MARGIN_MS - nowMs));

export function timeoutAtMs(attempt: Attempt): number | null {
  const { timeoutMs } = attempt.template;
  return timeoutMs === null || attempt.startedAtMs === null ? null : attempt.startedAtMs + timeoutMs;
}

/** The poll that is due now, if one is. A request that is not held is never overtaken: its reply would be lost. */
export function duePoll(state: AgentState, nowMs: number): { state: AgentState; effects: AgentEffect[] } {
  const news = hasNews(state);
  const free = state.inFlight === null || (state.inFlight.held && news);
  if (!state.recovered || !free || nowMs < state.nextPollAtMs || state.action === "gone" || state.action === "rejoin") {
    return { state, effects: [] };
  }
  const seq = state.seq + 1;
  const waitS = news || state.leaving || state.failures > 0 ? 0 : holdS(state);
  const running: PollRequest["running"] = [];
  const updates: PollRequest["updates"] = [];
  /** ends that have to wait for another poll, and what goes on from them */
  const untold = new Set<string>();
  for (const { key, task, epoch, after, end } of state.attempts.values()) {
    if (after !== null && untold.has(attemptKey(task as TaskId, after as Epoch))) untold.add(key);
    else if (end !== null && updates.length < MAX_UPDATES) updates.push(end);
    else {
      // not omitted: that would say it never started
      running.push([task, epoch]);
      if (end !== null) untold.add(key);
    }
  }
  const pressure = [...state.pressure];
  if (state.inventory === null) pressure.push("starting");
  if (!isGuarded(state)) pressure.push("no-guard");
  if (state.restsUntilMs !== null) pressure.push("start-failed");
  if (state.leaving && !pressure.includes("draining")) pressure.push("draining");
  const request: PollRequest = {
    session: state.session,
    nonce: state.nonce,
    seq,
    boot: state.boot,
    running,
    updates,
    pressure,
  };
  if (state.inventory !== null && state.inventorySentRev < state.inventoryRev) request.inventory = state.inventory;
  return {
    state: {
      ...state,
      seq,
      inFlight: { seq, sentAtMs: nowMs, held: waitS > 0, inventoryRev: state.inventoryRev },
      nextPollAtMs: nowMs,
      urgent: false,
      woken: false,
    },
    effects: [{ type: "send", request, waitS }],
  };
}
