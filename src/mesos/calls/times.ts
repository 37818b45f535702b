/** Lengths of time of the wire, in nanoseconds or seconds, into milliseconds. */
import type { Duration, Filters, KillPolicy } from "../messages/common.ts";

/** Longest that a task may take to end, as for any job. */
export const MAX_GRACE_MS = 3_600_000;
const DEFAULT_REFUSE_S = 5;
const MAX_REFUSE_MS = 365 * 86_400_000;

export const millisecondsOf = ({ nanoseconds }: Duration): number => Math.round(nanoseconds / 1e6);

/** @returns null when the policy says nothing of it */
export function graceMsOf(policy: KillPolicy | undefined): number | null {
  const grace = policy?.grace_period;
  return grace === undefined ? null : Math.min(MAX_GRACE_MS, Math.max(0, millisecondsOf(grace)));
}

export function refuseMsOf(filters: Filters | undefined): number {
  const seconds = filters?.refuse_seconds ?? DEFAULT_REFUSE_S;
  return Math.min(MAX_REFUSE_MS, Math.round((seconds >= 0 ? seconds : DEFAULT_REFUSE_S) * 1000));
}
