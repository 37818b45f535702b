/** What the agent makes of the guard's beat: whether it lives, and when another one is started. */

/** It beats every second; one that is this late is taken for dead. */
const BEAT_STALE_MS = 5000;
/** How long a new one may take to beat for the first time. */
export const START_MS = 5000;

export interface Beat {
  pid: number;
  /** boot-time ms */
  atMs: number;
  version: string;
}

export function parseBeat(text: string): Beat | null {
  const [, pid, at, version] = /^(\d+) (\d+) (\S+)\n$/.exec(text) ?? [];
  return pid && at && version ? { pid: Number(pid), atMs: Number(at) * 10, version } : null;
}

/** Whether it still comes, and from a guard of this version. That the guard is not dead since, the caller sees. */
export const isFresh = (beat: Beat | null, version: string, nowMs: number): beat is Beat =>
  beat !== null && beat.version === version && nowMs - beat.atMs < BEAT_STALE_MS;

/** @param startedAtMs when the last one was started, -Infinity: none was */
export const mayStartAnother = (startedAtMs: number, nowMs: number): boolean => nowMs - startedAtMs >= START_MS;
