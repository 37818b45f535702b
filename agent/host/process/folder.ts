/**
 * The folder of an attempt, `TASK@EPOCH`: `run` (the shim's), `stdout`, `stderr`, `work` (the task's own), and the
 * marks `guard` and `stopped` of who ended it. It is the agent's; the task's user may pass through it and write in
 * `work`.
 */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmdirSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { PRIVATE_FILE_MODE, readIfThere } from "../files.ts";
import { createOutput, STREAMS } from "./output.ts";
import { parseRun, type Run } from "./runFile.ts";
import { RUN_FILE, WORK_FOLDER } from "./shim.ts";
import type { User } from "./user.ts";

const PASSABLE_MODE = 0o711;
const OWN_MODE = 0o700;
const PERMISSIONS = 0o7777;
const NEW_FOLDER = [RUN_FILE, ...STREAMS, WORK_FOLDER].sort().join();
/** Written by the guard before it signals. */
export const GUARD_MARK = "guard";
/** Written by the agent before it kills. */
const STOPPED_MARK = "stopped";

export interface Descriptors {
  stdout: number;
  stderr: number;
  run: number;
}

/** Makes a folder that is nobody else's to write in, and that the user can pass through. */
export function makePassable(path: string, user: User): void {
  mkdirSync(path, { recursive: true });
  chmodSync(path, "uid" in user.ids ? PASSABLE_MODE : OWN_MODE);
}

/** @param opened gets every descriptor, also when it throws */
export function createFolder(path: string, user: User, opened: number[]): Descriptors {
  mkdirSync(path, "uid" in user.ids ? PASSABLE_MODE : OWN_MODE);
  const work = join(path, WORK_FOLDER);
  mkdirSync(work, OWN_MODE);
  if ("uid" in user.ids) chownSync(work, user.ids.uid, user.ids.gid);
  const keep = (fd: number) => {
    opened.push(fd);
    return fd;
  };
  return {
    stdout: keep(createOutput(path, "stdout", user)),
    stderr: keep(createOutput(path, "stderr", user)),
    run: keep(openSync(join(path, RUN_FILE), "ax", PRIVATE_FILE_MODE)),
  };
}

/**
 * Makes the folder of an ended attempt as if it were new. A file system that must make and remove seven files a task
 * spends more on that than on the task.
 *
 * @param runBytes what stays of `run`: the agent's own line
 * @returns false when there is more in it than there was
 */
export function emptyFolder(path: string, runBytes: number): boolean {
  if (readdirSync(path).sort().join() !== NEW_FOLDER || readdirSync(join(path, WORK_FOLDER)).length > 0) return false;
  if ((statSync(join(path, WORK_FOLDER)).mode & PERMISSIONS) !== OWN_MODE) return false;
  for (const file of [RUN_FILE, ...STREAMS]) {
    const { mode, nlink, size } = statSync(join(path, file));
    if ((mode & PERMISSIONS) !== PRIVATE_FILE_MODE || nlink !== 1) return false;
    const kept = file === RUN_FILE ? runBytes : 0;
    if (size > kept) truncateSync(join(path, file), kept);
  }
  return true;
}

/** @returns null when there is no `run` file */
export function readRun(folder: string, file = RUN_FILE): Run | null {
  const text = readIfThere(join(folder, file));
  return text === null ? null : parseRun(text);
}

export const endedByGuard = (folder: string): boolean => existsSync(join(folder, GUARD_MARK));
export const endedByAgent = (folder: string): boolean => existsSync(join(folder, STOPPED_MARK));

/** Whatever happens to the agent next, the end of this attempt is known to be its doing. */
export function markStopped(folder: string): void {
  writeFileSync(join(folder, STOPPED_MARK), "", { mode: PRIVATE_FILE_MODE });
}

/** In the common case of an empty work folder a handful of calls, because a recursive removal costs many more. */
export async function removeFolder(path: string): Promise<void> {
  try {
    for (const file of [RUN_FILE, ...STREAMS]) unlinkSync(join(path, file));
    rmdirSync(join(path, WORK_FOLDER));
    rmdirSync(path);
  } catch {
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
  }
}

export const foldersIn = (tasks: string): string[] => readdirSync(tasks);
