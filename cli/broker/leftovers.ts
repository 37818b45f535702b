/** Processes that one of ours started and, killed without warning, could not end. */
import { setTimeout as sleep } from "node:timers/promises";
import { startTicks } from "./child.ts";
import type { Owner } from "./dataFolder.ts";

type Known = Owner["children"][number];

const LOOK_MS = 20;

/** @param children those whose pid is null do not run; `graceMs`: how long each may take to end after TERM */
export const knownProcesses = (children: readonly { pid: number | null; graceMs: number }[]): Known[] =>
  children.flatMap(({ pid, graceMs }) => {
    const ticks = pid === null ? null : startTicks(pid);
    return pid === null || ticks === null ? [] : [{ pid, startTicks: ticks, graceMs }];
  });

const lives = (known: Known): boolean => startTicks(known.pid) === known.startTicks;

function send(known: Known, signal: NodeJS.Signals): void {
  try {
    if (lives(known)) process.kill(known.pid, signal);
  } catch {
    // it has just ended
  }
}

async function end(known: Known): Promise<void> {
  send(known, "SIGTERM");
  const startedAt = performance.now();
  while (lives(known) && performance.now() - startedAt < known.graceMs) await sleep(LOOK_MS);
  send(known, "SIGKILL");
  while (lives(known)) await sleep(LOOK_MS);
}

/** Ends what the last owner of a data folder left running. @returns how many there were */
export async function endLeftovers(before: Owner | null): Promise<number> {
  const left = (before?.children ?? []).filter(lives);
  await Promise.all(left.map(end));
  return left.length;
}
