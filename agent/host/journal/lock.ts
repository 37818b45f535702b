/** One agent a data folder: a file that names its holder so that one that died, or lived in an earlier boot, is told from one that lives. */
import { linkSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { uptimeMs } from "../clock.ts";
import { hasCode, PRIVATE_FILE_MODE, readIfThere } from "../files.ts";
import { isAlive } from "../procfs.ts";

export const LOCK_FILE = "lock";

export interface Holder {
  pid: number;
  /** boot-time ms at which it wrote its pid */
  seenMs: number;
  boot: string;
}

const textOf = ({ pid, seenMs, boot }: Holder): string => `${pid} ${seenMs} ${boot}\n`;

export function parseHolder(text: string): Holder | null {
  const [, pid, seenMs, boot] = /^(\d+) (\d+) (\S+)\n$/.exec(text) ?? [];
  return pid && seenMs && boot ? { pid: Number(pid), seenMs: Number(seenMs), boot } : null;
}

const lives = (holder: Holder, boot: string): boolean => holder.boot === boot && isAlive(holder.pid, holder.seenMs);

/** Who holds the folder now, if anyone does. */
export function holderOf(path: string, boot: string): Holder | null {
  const holder = parseHolder(readIfThere(path) ?? "");
  return holder && lives(holder, boot) ? holder : null;
}

/** @returns the living holder when it is not us */
export function takeLock(path: string, boot: string, pid = process.pid): Holder | null {
  const mine = textOf({ pid, seenMs: uptimeMs(), boot });
  const aside = `${path}.${pid}`;
  try {
    writeFileSync(aside, mine, { mode: PRIVATE_FILE_MODE });
    for (;;) {
      try {
        // a link is made whole or not at all, so nobody ever reads a lock without its holder
        linkSync(aside, path);
        return null;
      } catch (error) {
        if (!hasCode(error, "EEXIST")) throw error;
      }
      const found = readIfThere(path);
      if (found === null) continue;
      const holder = parseHolder(found);
      if (holder && lives(holder, boot)) return holder;
      moveAway(path, found, pid);
    }
  } finally {
    rmSync(aside, { force: true });
  }
}

/** Takes a dead holder's lock away; if another agent did so first and took it, its lock is put back. */
function moveAway(path: string, dead: string, pid: number): void {
  const taken = `${path}.${pid}.dead`;
  try {
    renameSync(path, taken);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return;
    throw error;
  }
  if (readIfThere(taken) !== dead) {
    try {
      linkSync(taken, path);
    } catch (error) {
      if (!hasCode(error, "EEXIST")) throw error;
    }
  }
  unlinkSync(taken);
}

export function releaseLock(path: string, boot: string): void {
  const holder = holderOf(path, boot);
  if (holder?.pid === process.pid) unlinkSync(path);
}
