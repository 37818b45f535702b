/**
 * Where an agent keeps things: the data folder (journal, identity, attempts) and the run folder, which must not outlive
 * the boot (deadlines, the guard's beat, the status socket).
 */

import { chmodSync, existsSync, lstatSync, mkdirSync, realpathSync, statfsSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { crc32 } from "#agent/crc32";
import { messageOf } from "./files.ts";
import { makePassable } from "./process/folder.ts";
import { canReach, type User } from "./process/user.ts";

const TMPFS_MAGIC = 0x01021994;
const RAMFS_MAGIC = 0x858458f6;
/** For attempts when tasks can't reach the data folder: on disk, kept over boots, open to pass for everyone. */
const REACHABLE_PLACE = "/var/tmp";
const PRIVATE_MODE = 0o700;

/** Names what belongs to one data folder outside of it. */
export const folderHash = (data: string): string => crc32(data).toString(16).padStart(8, "0");

export const isVolatile = (path: string): boolean => [TMPFS_MAGIC, RAMFS_MAGIC].includes(statfsSync(path).type);

/** Candidates, best first; the last one is on disk, where the boot id in the file has to do. */
export function runFolderCandidates(data: string, uid: number, environment: NodeJS.ProcessEnv): string[] {
  const hash = folderHash(data);
  const own = environment.XDG_RUNTIME_DIR;
  return [
    uid === 0 ? `/run/hansa-agent/${hash}` : own ? join(own, "hansa-agent", hash) : null,
    `/dev/shm/hansa-agent-${uid}-${hash}`,
  ].filter((path) => path !== null);
}

/** @returns a folder of ours, on a tmpfs if the machine has one @throws when it is somebody else's */
export function makeRunFolder(
  wanted: string | null,
  data: string,
  uid: number,
  environment: NodeJS.ProcessEnv,
): string {
  const path = findRunFolder(wanted, data, uid, environment);
  mkdirSync(path, { recursive: true, mode: PRIVATE_MODE });
  const found = lstatSync(path);
  if (!found.isDirectory() || found.uid !== uid) throw new Error(`${path} is not a folder of this user's`);
  chmodSync(path, PRIVATE_MODE);
  return path;
}

export function findRunFolder(
  wanted: string | null,
  data: string,
  uid: number,
  environment: NodeJS.ProcessEnv,
): string {
  if (wanted !== null) return wanted;
  const volatile = runFolderCandidates(data, uid, environment).find((path) => isVolatileBelow(path));
  return volatile ?? join(data, "run");
}

function isVolatileBelow(path: string): boolean {
  let there = path;
  while (!existsSync(there)) there = dirname(there);
  try {
    return isVolatile(there);
  } catch {
    return false;
  }
}

export function makeDataFolder(data: string, user: User): void {
  try {
    makePassable(data, user);
  } catch (error) {
    throw new Error(`the data folder ${data} can't be made: ${messageOf(error)}; name another with --data`);
  }
}

/**
 * The folder of the attempts' folders. If tasks could not reach it below the data folder (a home that is closed to
 * others), it is elsewhere and `tasks` a link to it, so that it is the same one at every start.
 */
export function makeTasksFolder(data: string, user: User): string {
  const path = join(data, "tasks");
  if (lstatSync(path, { throwIfNoEntry: false })) {
    const real = realpathSync(path);
    makePassable(real, user);
    return real;
  }
  if (canReach(user, data)) {
    makePassable(path, user);
    return path;
  }
  const elsewhere = join(REACHABLE_PLACE, `hansa-agent-${folderHash(data)}`);
  mkdirSync(elsewhere, { recursive: true });
  const found = lstatSync(elsewhere);
  if (!found.isDirectory() || found.uid !== process.getuid?.())
    throw new Error(`${elsewhere} is not a folder of this user's`);
  makePassable(elsewhere, user);
  symlinkSync(elsewhere, path);
  return elsewhere;
}
