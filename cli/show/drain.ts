/** A drain as a person reads it: what is left, until when, and when it is over. */
import { formatDuration } from "../../src/model/duration.ts";
import type { DrainView } from "../../src/model/views.ts";

/** Times are the broker's; a clock that goes otherwise shows none below nothing. */
const inMs = (at: number, nowMs: number): string => formatDuration(Math.max(0, Math.round((at - nowMs) / 1000) * 1000));

/** `3 left, stopped in 9m40s, used again in 2h9m`; empty: it is not drained, or nothing is left of it. */
export function drainText(drain: DrainView | null, nowMs: number): string {
  if (drain === null) return "";
  const { left, deadlineAt, endsAt } = drain;
  const parts: string[] = [];
  if (left > 0)
    parts.push(`${left} left`, deadlineAt <= nowMs ? "being stopped" : `stopped in ${inMs(deadlineAt, nowMs)}`);
  if (endsAt !== null) parts.push(`used again in ${inMs(endsAt, nowMs)}`);
  return parts.join(", ");
}
