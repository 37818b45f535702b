/** The real directory tree that the demo works on: files that every installation of this command has. */
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { readableByAll } from "./readable.ts";

const DEMO_FILES = 60;
const PUBLIC_FOLDER_MODE = 0o755;
const PUBLIC_FILE_MODE = 0o644;

export interface Tree {
  root: string;
  /** relative to `root`, sorted */
  files: string[];
  /** takes a copy away, if one was made */
  remove(): void;
}

/** @param otherUser tasks run as another user than this one */
export function demoTree(otherUser: boolean): Tree {
  const root = dirname(createRequire(import.meta.url).resolve("zod/package.json"));
  const files = readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((path) => statSync(join(root, path)).isFile())
    .sort()
    .slice(0, DEMO_FILES);
  if (!otherUser || files.every((file) => readableByAll(join(root, file)))) return { root, files, remove() {} };
  const copy = publicCopy(root, files);
  return { root: copy, files, remove: () => rmSync(copy, { recursive: true, force: true }) };
}

/** A checkout may stand under a home that is closed to others. */
function publicCopy(root: string, files: readonly string[]): string {
  const copy = mkdtempSync(join(tmpdir(), "hansa-demo-"));
  for (const file of files) {
    const to = join(copy, file);
    mkdirSync(dirname(to), { recursive: true });
    copyFileSync(join(root, file), to);
    chmodSync(to, PUBLIC_FILE_MODE);
  }
  for (const folder of new Set(["", ...files.map(dirname).flatMap(withParents)])) {
    chmodSync(join(copy, folder), PUBLIC_FOLDER_MODE);
  }
  return copy;
}

const withParents = (folder: string): string[] => (folder === "." ? [] : [folder, ...withParents(dirname(folder))]);
