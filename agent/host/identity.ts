/** Who this node is to its broker, in a file only the agent can read. */

import { join } from "node:path";
import { readIfThere, writeDurably } from "./files.ts";
import { randomBytes } from "./random.ts";

export interface Identity {
  url: string;
  league: string;
  cluster: string;
  node: string;
  /** `hnc_…`: renewed in poll replies */
  credential: string;
}

const IDENTITY_FILE = "node.json";
const KEY_FILE = "join-key";
const KEY_BYTES = 24;

const FIELDS = ["url", "league", "cluster", "node", "credential"];

function isIdentity(value: unknown): value is Identity {
  if (typeof value !== "object" || value === null) return false;
  const fields = new Map<string, unknown>(Object.entries(value));
  return FIELDS.every((name) => typeof fields.get(name) === "string");
}

/** @returns null when this node has not joined @throws when the file is not one of ours */
export function readIdentity(data: string): Identity | null {
  const path = join(data, IDENTITY_FILE);
  const text = readIfThere(path);
  if (text === null) return null;
  const value: unknown = JSON.parse(text);
  if (!isIdentity(value)) throw new Error(`${path} is not an agent's identity; join anew`);
  return value;
}

export function writeIdentity(data: string, identity: Identity): void {
  writeDurably(join(data, IDENTITY_FILE), `${JSON.stringify(identity, null, 2)}\n`);
}

/** The same for every join of this data folder, so that a join whose answer was lost makes no second node. */
export function joinKey(data: string): string {
  const path = join(data, KEY_FILE);
  const known = readIfThere(path)?.trim();
  if (known) return known;
  const key = randomBytes(KEY_BYTES).toString("hex");
  writeDurably(path, `${key}\n`);
  return key;
}

/** Seconds since 1970 at which the credential ends, by its own word; null when it can't be read. */
export function credentialEnd(credential: string): number | null {
  // the claims are base64url and may hold an underscore themselves
  const claims = credential.slice(credential.indexOf("_") + 1, credential.lastIndexOf("_"));
  try {
    const value: unknown = JSON.parse(Buffer.from(claims, "base64url").toString("utf8"));
    return typeof value === "object" && value !== null && "exp" in value && typeof value.exp === "number"
      ? value.exp
      : null;
  } catch {
    return null;
  }
}
