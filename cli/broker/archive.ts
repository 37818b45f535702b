/** A backup: every object's database as of one moment each, the secret and the generation, in one tar file. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { z } from "zod";
import { Problem } from "../../src/model/problems.ts";
import { VERSION } from "../version.ts";
import {
  createFolders,
  type DataFolder,
  hold,
  PRIVATE_FILE_MODE,
  PRIVATE_FOLDER_MODE,
  readGeneration,
} from "./dataFolder.ts";

const run = promisify(execFile);

const MANIFEST = "manifest.json";
const FORMAT = 1;
/** How long a reader waits for a database that is being written. */
const BUSY_TIMEOUT_MS = 30_000;

const manifestSchema = z.object({
  format: z.literal(FORMAT),
  version: z.string(),
  takenAt: z.string(),
  generation: z.number(),
  files: z.array(z.object({ path: z.string(), sha256: z.string() })),
});
type Manifest = z.infer<typeof manifestSchema>;

async function digest(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

/** Paths of the objects' databases, relative to the data folder. */
function databases(data: DataFolder): string[] {
  return readdirSync(data.objects, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".sqlite"))
    .map((path) => join(basename(data.objects), path))
    .sort();
}

/** Copies a database while it is in use: what was committed when the copy began. */
function copyDatabase(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  const source = new DatabaseSync(from, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
  try {
    source.exec(`VACUUM INTO '${to.replaceAll("'", "''")}'`);
  } finally {
    source.close();
  }
}

export async function backup(data: DataFolder, to: string): Promise<{ objects: number; withSecret: boolean }> {
  if (!existsSync(data.objects)) {
    throw new Problem("not-found", `${data.root} holds no broker's data. Name the folder that serve or start uses`);
  }
  const target = resolve(to);
  if (existsSync(target)) throw new Problem("conflict", `${target} is there already. Name a new file`);
  const staging = mkdtempSync(join(dirname(target), ".hansa-backup-"));
  try {
    const paths = databases(data);
    for (const path of paths) copyDatabase(join(data.root, path), join(staging, path));
    const withSecret = existsSync(data.secret);
    if (withSecret) {
      writeFileSync(join(staging, basename(data.secret)), readFileSync(data.secret), { mode: PRIVATE_FILE_MODE });
      paths.push(basename(data.secret));
    }
    const files = [];
    for (const path of paths) files.push({ path, sha256: await digest(join(staging, path)) });
    const manifest: Manifest = {
      format: FORMAT,
      version: VERSION,
      takenAt: new Date().toISOString(),
      generation: readGeneration(data),
      files,
    };
    writeFileSync(join(staging, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
    const archive = join(staging, "archive.tar");
    writeFileSync(archive, "", { mode: PRIVATE_FILE_MODE });
    await tar(["-cf", archive, "-C", staging, MANIFEST, ...topLevel(paths)]);
    chmodSync(archive, PRIVATE_FILE_MODE);
    renameSync(archive, target);
    return { objects: files.length - (withSecret ? 1 : 0), withSecret };
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

const topLevel = (paths: readonly string[]): string[] => [...new Set(paths.map((path) => path.split("/")[0] ?? path))];

async function tar(words: readonly string[]): Promise<void> {
  try {
    await run("tar", words);
  } catch (error) {
    throw new Problem("invalid-request", `tar failed: ${error instanceof Error ? error.message.trim() : error}`);
  }
}

/**
 * Fills an empty data folder from a backup. The generation rises past any that this data ever had, so that objects
 * know they are older than what they wrote to others.
 */
export async function restore(data: DataFolder, from: string): Promise<{ takenAt: string; generation: number }> {
  if (!existsSync(from)) throw new Problem("not-found", `${from} is not there`);
  if (existsSync(data.root) && readdirSync(data.root).length > 0) {
    if (existsSync(data.lock)) hold(data).release();
    throw new Problem("conflict", `${data.root} is not empty. Restore into a new folder, then serve from that`);
  }
  const parent = dirname(data.root);
  mkdirSync(parent, { recursive: true });
  const staging = mkdtempSync(join(parent, ".hansa-restore-"));
  try {
    await tar(["-xf", resolve(from), "-C", staging, "--no-same-owner"]);
    const { takenAt, generation, files } = await verified(staging, from);
    const next = nextGeneration(generation, Date.now());
    writeFileSync(join(staging, basename(data.generation)), `${next}\n`);
    rmSync(join(staging, MANIFEST));
    createFolders(data);
    for (const path of [...topLevel(files.map((file) => file.path)), basename(data.generation)]) {
      rmSync(join(data.root, path), { recursive: true, force: true });
      renameSync(join(staging, path), join(data.root, path));
    }
    chmodSync(data.objects, PRIVATE_FOLDER_MODE);
    return { takenAt, generation: next };
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

async function verified(folder: string, from: string): Promise<Manifest> {
  let manifest: Manifest;
  try {
    manifest = manifestSchema.parse(JSON.parse(readFileSync(join(folder, MANIFEST), "utf8")));
  } catch {
    throw new Problem("invalid-request", `${from} is not a backup of this version of Hansa`);
  }
  for (const { path, sha256 } of manifest.files) {
    const actual = await digest(join(folder, path)).catch(() => null);
    if (actual !== sha256) throw new Problem("invalid-request", `${from} is damaged: ${path} is not what was saved`);
  }
  return manifest;
}

/** Seconds, so that the same backup restored twice gives two generations. */
export const nextGeneration = (before: number, nowMs: number): number => Math.max(before + 1, Math.floor(nowMs / 1000));
