/** The user that tasks run as. An agent that is root gives them to `nobody` unless told otherwise. */
import { readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";

export interface User {
  name: string;
  uid: number;
  gid: number;
  /** what `spawn` needs to become that user; empty when the agent is that user already */
  ids: { uid: number; gid: number } | Record<never, never>;
}

const DEFAULT_USER = "nobody";

/** @param passwd /etc/passwd @param wanted a name or a number */
export function findUser(passwd: string, wanted: string): { name: string; uid: number; gid: number } | null {
  for (const line of passwd.split("\n")) {
    const [name, , uid, gid] = line.split(":");
    if (name && (name === wanted || uid === wanted)) return { name, uid: Number(uid), gid: Number(gid) };
  }
  return null;
}

/** @throws with a sentence when there is no such user, or the agent can't become it */
export function taskUser(runAs: string | null): User {
  const passwd = readFileSync("/etc/passwd", "utf8");
  const own = process.getuid?.() ?? 0;
  if (own !== 0) {
    const me = findUser(passwd, String(own)) ?? { name: String(own), uid: own, gid: process.getgid?.() ?? own };
    if (runAs !== null && runAs !== me.name && runAs !== String(own)) {
      throw new Error(`--run-as ${runAs}: the agent runs as ${me.name} and only root can run tasks as another user`);
    }
    return { ...me, ids: {} };
  }
  const found = findUser(passwd, runAs ?? DEFAULT_USER);
  if (!found) throw new Error(`--run-as ${runAs ?? DEFAULT_USER}: /etc/passwd has no such user`);
  return { ...found, ids: found.uid === 0 ? {} : { uid: found.uid, gid: found.gid } };
}

/** The user can reach the folder: every folder above it lets others, or the user itself, pass. */
export function canReach(user: Pick<User, "uid" | "gid">, folder: string): boolean {
  if (user.uid === 0) return true;
  for (let path = folder; ; path = dirname(path)) {
    const { mode, uid, gid } = statSync(path);
    const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return false;
    if (path === dirname(path)) return true;
  }
}
