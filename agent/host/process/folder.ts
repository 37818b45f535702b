/**
 * The folder of an attempt, `TASK@EPOCH`: `run` (the shim's), `stdout`, `stderr`, `work` (the task's own), and the marks
 * `guard` and `stopped` of who ended it. It is the agent's; the task's user may pass through it and write in `work`.
 */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmdirSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { hasCode, PRIVATE_FILE_MODE, readIfThere } from "../files.ts";
import { createOutput, STREAMS } from "./output.ts";
import { parseRun, type Run } from "./runFile.ts";
import { RUN_FILE, WORK_FOLDER } from "./shim.ts";
import type { User } from "./user.ts";

const PASSABLE_MODE = 0o711;
const OWN_MODE = 0o700;
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

/** @returns null when the attempt has a folder already @throws when it can't be made */
export function createFolder(path: string, user: User, opened: number[]): Descriptors | null {
  try {
    mkdirSync(path, "uid" in user.ids ? PASSABLE_MODE : OWN_MODE);
  } catch (error) {
    if (hasCode(error, "EEXIST")) return null;
    throw error;
  }
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
