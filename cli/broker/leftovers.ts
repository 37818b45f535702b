/** Processes that one of ours started and, killed without warning, could not end. */
import { setTimeout as sleep } from "node:timers/promises";
import { startTicks } from "./child.ts";
import type { Owner } from "./dataFolder.ts";

type Known = Owner["children"][number];

const GRACE_MS = 15_000;
const LOOK_MS = 50;

export const knownProcesses = (pids: readonly (number | null)[]): Known[] =>
  pids.flatMap((pid) => {
    const ticks = pid === null ? null : startTicks(pid);
    return pid === null || ticks === null ? [] : [{ pid, startTicks: ticks }];
  });

const lives = (known: Known): boolean => startTicks(known.pid) === known.startTicks;

function send(known: Known, signal: NodeJS.Signals): void {
  try {
    if (lives(known)) process.kill(known.pid, signal);
  } catch {
    // it has just ended
  }
}

/** Ends what the last owner of a data folder left running. @returns how many there were */
export async function endLeftovers(before: Owner | null): Promise<number> {
  const left = (before?.children ?? []).filter(lives);
  for (const known of left) send(known, "SIGTERM");
  const startedAt = performance.now();
  while (left.some(lives) && performance.now() - startedAt < GRACE_MS) await sleep(LOOK_MS);
  for (const known of left) send(known, "SIGKILL");
  while (left.some(lives)) await sleep(LOOK_MS);
  return left.length;
}
