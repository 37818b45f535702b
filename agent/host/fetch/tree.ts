/** What is in a folder, and whether its links stay there. Links are never followed. */
import type { Stats } from "node:fs";
import { lstat, readdir, readlink, realpath } from "node:fs/promises";
import { join, relative } from "node:path";
import { isBelow, linksInside } from "./source.ts";

const BLOCK_BYTES = 512;

/** On the disk, in bytes. */
export async function sizeOf(folder: string): Promise<number> {
  let bytes = 0;
  for await (const { stat } of entriesIn(folder)) bytes += Math.min(stat.size, stat.blocks * BLOCK_BYTES);
  return bytes;
}

/** @throws when a link leads out of the folder, or a file in it is one that is elsewhere too */
export async function checkLinks(folder: string): Promise<void> {
  const out = (name: string) => new Error(`"${name}" in it is a link that leads out of the task's folder`);
  const top = await realpath(folder);
  const shared = new Map<number, { name: string; left: number }>();
  for await (const { path, stat } of entriesIn(folder)) {
    const name = relative(folder, path);
    if (stat.isSymbolicLink()) {
      if (!linksInside(name, await readlink(path))) throw out(name);
      const real = await realpath(path).catch(() => null);
      if (real !== null && !isBelow(real, top)) throw out(name);
    } else if (stat.isFile() && stat.nlink > 1) {
      const left = (shared.get(stat.ino)?.left ?? stat.nlink) - 1;
      shared.set(stat.ino, { name, left });
    }
  }
  for (const { name, left } of shared.values()) if (left > 0) throw out(name);
}

/** Also those in its folders; what is gone meanwhile is left out. */
async function* entriesIn(folder: string): AsyncGenerator<{ path: string; stat: Stats }> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    const path = join(folder, name);
    const stat = await lstat(path).catch(() => null);
    if (stat === null) continue;
    yield { path, stat };
    if (stat.isDirectory()) yield* entriesIn(path);
  }
}
