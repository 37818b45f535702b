/** The folder of a self-hosted broker: where its parts are, its secret, its generation, and who runs there. */
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { Problem } from "../../src/model/problems.ts";
import { writeFileWhole } from "./files.ts";

export interface DataFolder {
  root: string;
  /** the objects' SQLite files, a folder a class */
  objects: string;
  secret: string;
  generation: string;
  /** what workerd is told */
  config: string;
  /** held by the process that runs here, for as long as it lives */
  lock: string;
  /** which process that is */
  owner: string;
}

const SECRET_BYTES = 32;
export const MIN_SECRET_CHARS = 32;
export const PRIVATE_FILE_MODE = 0o600;
export const PRIVATE_FOLDER_MODE = 0o700;

export function dataFolder(path: string): DataFolder {
  const root = resolve(path);
  const inside = (name: string) => join(root, name);
  return {
    root,
    objects: inside("objects"),
    secret: inside("secret"),
    generation: inside("generation"),
    config: inside("broker.capnp"),
    lock: inside("lock"),
    owner: inside("running.json"),
  };
}

export function createFolders(data: DataFolder): void {
  mkdirSync(data.root, { recursive: true });
  mkdirSync(data.objects, { recursive: true, mode: PRIVATE_FOLDER_MODE });
}

export function readSecret(path: string): string {
  let secret: string;
  try {
    secret = readFileSync(path, "utf8").trim();
  } catch (error) {
    throw new Problem("invalid-request", `the secret can't be read: ${error instanceof Error ? error.message : error}`);
  }
  if (secret.length >= MIN_SECRET_CHARS) return secret;
  throw new Problem("invalid-request", `${path} holds no secret: it wants at least ${MIN_SECRET_CHARS} characters`);
}

/** Reads the secret, made once when there is none yet. */
export function ensureSecret(path: string): string {
  const fresh = `${randomBytes(SECRET_BYTES).toString("base64url")}\n`;
  try {
    writeFileSync(path, fresh, { flag: "wx", mode: PRIVATE_FILE_MODE });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
  return readSecret(path);
}

/** 0 until a backup was restored here. */
export function readGeneration(data: DataFolder): number {
  let text: string;
  try {
    text = readFileSync(data.generation, "utf8").trim();
  } catch {
    return 0;
  }
  const generation = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(generation)) return generation;
  throw new Problem("invalid-request", `${data.generation} holds no number. Restore the backup again`);
}

const ownerSchema = z.object({
  pid: z.number(),
  command: z.string(),
  url: z.string().nullable(),
  children: z.array(z.object({ pid: z.number(), startTicks: z.string(), graceMs: z.number() })),
});
/** Who runs in a data folder, and the processes it started. */
export type Owner = z.infer<typeof ownerSchema>;

export function readOwner(data: DataFolder): Owner | null {
  try {
    return ownerSchema.parse(JSON.parse(readFileSync(data.owner, "utf8")));
  } catch {
    return null;
  }
}

export interface Hold {
  /** what the last process here left in its note; null after a clean end */
  before: Owner | null;
  note(owner: Owner): void;
  release(): void;
}

/**
 * Takes the folder for this process. The lock is the kernel's and ends with the process, however that ends.
 * @throws Problem that says who runs here
 */
export function hold(data: DataFolder): Hold {
  const lock = new DatabaseSync(data.lock, { timeout: 0 });
  try {
    lock.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch {
    lock.close();
    const owner = readOwner(data);
    const who = owner
      ? `hansa ${owner.command}, process ${owner.pid}${owner.url ? `, ${owner.url}` : ""}`
      : "another process";
    throw new Problem("conflict", `${data.root} is in use: ${who}. End that one first, or take another folder: --data`);
  }
  return {
    before: readOwner(data),
    note: (owner) => writeFileWhole(data.owner, `${JSON.stringify(owner)}\n`, PRIVATE_FILE_MODE),
    release() {
      rmSync(data.owner, { force: true });
      lock.close();
    },
  };
}
