/**
 * The file in which the agent tells the guard what must be dead when. A file that is older than the truth only makes
 * the guard stricter, so a later deadline may wait to be written; an earlier one, and that of a new attempt, may not.
 *
 *     agent PID UPTIME BOOT
 *     TERM KILL KEY              all times in 1/100 s of uptime
 */
import type { Deadline } from "../../core/types.ts";

/** KILL is sent this long before the deadline, so that a round of the guard and the dying itself fit in between. */
export const KILL_MARGIN_MS = 3000;
/** A stored deadline may be older than the true one by this part of `stopAfter`. */
const LAG_PART = 10;

export interface Entry {
  termAtMs: number;
  killAtMs: number;
}
export type Entries = ReadonlyMap<string, Entry>;

/** What must be in the file; attempts that may outlive any silence are not. */
export function entriesOf(deadlines: readonly Deadline[]): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const { key, termAtMs, deadlineMs } of deadlines) {
    if (deadlineMs === null) continue;
    const killAtMs = Math.max(0, deadlineMs - KILL_MARGIN_MS);
    entries.set(key, { termAtMs: Math.max(0, Math.min(termAtMs ?? killAtMs, killAtMs)), killAtMs });
  }
  return entries;
}

/** @returns boot-time ms; null when the file does not name it */
export function deadlineOf(entries: Entries, key: string): number | null {
  const entry = entries.get(key);
  return entry ? entry.killAtMs + KILL_MARGIN_MS : null;
}

/** Whether the guard must hear of it now. A removed attempt need not be told: the guard finds it gone. */
export function mustWrite(stored: Entries, deadlines: readonly Deadline[]): boolean {
  for (const [key, wanted] of entriesOf(deadlines)) {
    const has = stored.get(key);
    if (!has || wanted.killAtMs < has.killAtMs || wanted.termAtMs < has.termAtMs) return true;
  }
  for (const { key, deadlineMs, stopAfterMs } of deadlines) {
    const has = stored.get(key);
    if (!has) continue;
    // what was to be stopped may run on for good
    if (deadlineMs === null || stopAfterMs === null) return true;
    if (deadlineMs - KILL_MARGIN_MS - has.killAtMs > stopAfterMs / LAG_PART) return true;
  }
  return false;
}

const hundredths = (ms: number): number => Math.floor(ms / 10);

export function deadlinesText(agent: { pid: number; seenMs: number; boot: string }, entries: Entries): string {
  const lines = [`agent ${agent.pid} ${hundredths(agent.seenMs)} ${agent.boot}`];
  for (const [key, { termAtMs, killAtMs }] of entries)
    lines.push(`${hundredths(termAtMs)} ${hundredths(killAtMs)} ${key}`);
  return `${lines.join("\n")}\n`;
}

/** @returns nothing when the file is of another boot: all that it names is dead */
export function parseDeadlines(text: string, boot: string): Map<string, Entry> {
  const [head = "", ...lines] = text.split("\n");
  const entries = new Map<string, Entry>();
  if (!head.startsWith("agent ") || head.split(" ")[3] !== boot) return entries;
  for (const line of lines) {
    const [, term, kill, key] = /^(\d+) (\d+) (\S+)$/.exec(line) ?? [];
    if (term && kill && key) entries.set(key, { termAtMs: Number(term) * 10, killAtMs: Number(kill) * 10 });
  }
  return entries;
}
