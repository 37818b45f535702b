/**
 * What a node goes on with by itself: attempts of `disconnect: keep`, which no silence ever gives to another node. One
 * that failed is followed, by the job's policy, by one of the node's own, with the next epoch of the same hand-out. The
 * Cluster makes an epoch only when it has heard how the last one ended, and the poll that says so names what goes on: so
 * no epoch is made twice. Both records are in one write of the journal.
 */
import { attemptKey, type Epoch, type TaskId } from "../../src/model/ids.ts";
import { isKept, retryDelayMs, usesRetry } from "../../src/model/retry.ts";
import type { Update } from "../../src/protocol/agent.ts";
import { acceptedAttempt, acceptRecord } from "./records.ts";
import { isGuarded } from "./rules.ts";
import type { AgentState, Attempt } from "./types.ts";

/** After its start an agent asks for so long before it starts anything unasked: its disk may be an old one. */
export const LONE_START_MS = 60_000;

/** What a copy of a disk or of a folder finds in its journal is another's. */
const isOwn = ({ machine, template }: Attempt, state: AgentState): boolean =>
  isKept(template) && machine !== null && machine === state.machine;

/** @returns the attempt that goes on from one that ended; null: what becomes of the task is the Cluster's to decide */
export function successorOf(attempt: Attempt, end: Update, state: AgentState, nowMs: number): Attempt | null {
  const { template, task, epoch } = attempt;
  if (attempt.used === null || !isOwn(attempt, state) || end.state !== "failed") return null;
  if (state.leaving || state.pressure.includes("draining")) return null;
  const { reason = "exit" } = end;
  const isRebooted = reason === "rebooted";
  if (!isRebooted && (!usesRetry(reason) || reason === "start-failed")) return null;
  const used = attempt.used + (isRebooted ? 0 : 1);
  if (used > template.retryMax) return null;
  const next = (epoch + 1) as Epoch;
  const record = acceptRecord({ ...attempt, key: attemptKey(task as TaskId, next), epoch: next, used, after: epoch });
  const waiting = acceptedAttempt({ ...record, boot: state.boot });
  if (isRebooted) return asked(waiting, state, nowMs);
  const startAtMs = nowMs + retryDelayMs(used, template.retryBackoffMs);
  return { ...waiting, notBeforeMs: startAtMs, aloneAtMs: startAtMs };
}

/** One that does not run when its agent starts: a reply that names it starts it, and in time the node alone. */
export const asked = (attempt: Attempt, state: AgentState, nowMs: number): Attempt =>
  attempt.used !== null && isOwn(attempt, state) ? { ...attempt, aloneAtMs: nowMs + LONE_START_MS } : attempt;

/** The time when it starts without any reply; never, as long as there is no guard. */
export const loneStartMs = ({ phase, aloneAtMs }: Attempt, state: AgentState): number =>
  phase === "accepted" && aloneAtMs !== null && isGuarded(state) && !state.leaving
    ? aloneAtMs
    : Number.POSITIVE_INFINITY;
