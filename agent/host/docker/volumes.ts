/**
 * Folders of the machine that a container wants to have: only those that the owner allows. The daemon is root and goes
 * where a path leads when it starts the container, so no folder on the way may be one in which a task can put a link.
 */
import { lstatSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Container } from "../../../src/model/container.ts";
import type { User } from "../process/user.ts";

export interface AllowedVolume {
  /** absolute */
  folder: string;
  isReadOnly: boolean;
}

export interface Mount {
  source: string;
  target: string;
  isReadOnly: boolean;
}

const OTHERS_WRITE = 0o002;
const GROUP_WRITES = 0o020;

/** @throws with a sentence that names the volume */
export function mountsOf(
  volumes: Container["volumes"],
  allowed: readonly AllowedVolume[],
  user: Pick<User, "uid" | "gid">,
): Mount[] {
  return volumes.map(({ hostPath, containerPath, isReadOnly }) => {
    const fail = (why: string): never => {
      throw new Error(`volume ${hostPath}: ${why}`);
    };
    if (!isPlain(containerPath)) fail(`"${containerPath}" is no whole path in the container`);
    if (!isPlain(hostPath)) fail("it is no whole path of this node");
    if (allowed.length === 0) fail("this node's owner allows no folders of the node in containers (--volumes)");
    const source = realOf(hostPath) ?? fail("it is not there");
    const match = allowed.find((one) => {
      const folder = realOf(one.folder);
      return folder !== null && (isReadOnly || !one.isReadOnly) && waysDown(source, folder) !== null;
    });
    if (!match) {
      const list = allowed.map((one) => `${one.folder}${one.isReadOnly ? ":ro" : ""}`).join();
      return fail(`this node's owner allows only ${list} (--volumes)`);
    }
    const open = waysDown(source, realOf(match.folder) ?? "")?.find((folder) => canChange(user, folder));
    if (open !== undefined) fail(`tasks can change what is in ${open}`);
    return { source, target: containerPath, isReadOnly };
  });
}

const isPlain = (path: string): boolean =>
  /^\/[^/]/.test(path) && !path.split("/").some((part) => part === ".." || part === ".") && !path.includes("\0");

function realOf(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}

/** @returns the folders from `folder` on that `path` leads through; null: it is not below */
function waysDown(path: string, folder: string): string[] | null {
  if (path === folder) return [];
  if (!path.startsWith(join(folder, "/"))) return null;
  const above = dirname(path);
  return [...(waysDown(above, folder) ?? []), above];
}

function canChange({ uid, gid }: Pick<User, "uid" | "gid">, folder: string): boolean {
  const stat = lstatSync(folder);
  return stat.uid === uid || (stat.mode & OTHERS_WRITE) > 0 || (stat.gid === gid && (stat.mode & GROUP_WRITES) > 0);
}
