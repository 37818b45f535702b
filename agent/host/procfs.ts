/** Whether a process that was seen once is still the same one and alive: a pid alone says neither. */
import { readFileSync } from "node:fs";

/** Linux tells times in /proc in ticks of 1/100 s on every architecture. */
const TICK_MS = 10;

export interface ProcessStat {
  state: string;
  group: number;
  /** boot-time ms */
  startedMs: number;
}

/** @param text a line of /proc/PID/stat; the name in it may hold blanks and brackets */
export function parseStat(text: string): ProcessStat | null {
  const fields = text.slice(text.lastIndexOf(") ") + 2).split(" ");
  const [state, , group] = fields;
  const startTicks = fields[19];
  if (!state || group === undefined || startTicks === undefined) return null;
  return { state, group: Number(group), startedMs: Number(startTicks) * TICK_MS };
}

export function statOf(pid: number): ProcessStat | null {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return null;
  }
}

/**
 * The process that wrote down its pid at `seenMs` (boot time) lives. One that got the same pid later started later; a
 * zombie is dead, however long its parent takes to notice.
 */
export function isAlive(pid: number, seenMs: number): boolean {
  const stat = statOf(pid);
  return stat !== null && stat.state !== "Z" && stat.state !== "X" && stat.startedMs <= seenMs;
}
