/** The MAC keys made of the deployment's secrets, imported once an isolate. */
import { type NamedKey, namedKey } from "../model/credential.ts";
import { macKey } from "../model/digest.ts";
import { Problem } from "../model/problems.ts";
import type { Env } from "./env.ts";

const MIN_SECRET_CHARS = 32;

export interface Keys {
  /** signs */
  current: NamedKey;
  /** verify, newest first */
  all: NamedKey[];
}

let imported: { secrets: string; keys: Keys } | null = null;

/** @throws Problem when the deployment has no usable secret */
export async function keysOf(env: Env): Promise<Keys> {
  const secrets = secretsOf(env);
  const id = secrets.join("\n");
  // The keys, not a promise of them: a promise belongs to the request that made it.
  if (imported?.secrets === id) return imported.keys;
  const all: NamedKey[] = [];
  for (const secret of secrets) all.push(await namedKey(await macKey(secret)));
  const [current] = all;
  if (!current) throw new Error("no secret");
  const keys = { current, all };
  imported = { secrets: id, keys };
  return keys;
}

function secretsOf({ HANSA_SECRET, HANSA_SECRET_PREVIOUS }: Env): string[] {
  if (HANSA_SECRET === undefined || HANSA_SECRET.length < MIN_SECRET_CHARS) {
    throw new Problem(
      "unavailable",
      `HANSA_SECRET is not set, or shorter than ${MIN_SECRET_CHARS} characters: set it in this deployment`,
    );
  }
  return HANSA_SECRET_PREVIOUS ? [HANSA_SECRET, HANSA_SECRET_PREVIOUS] : [HANSA_SECRET];
}
