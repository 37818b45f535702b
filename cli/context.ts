/**
 * Which broker is meant and with which token: options > environment > nearest `.hansa/context.json` up the tree > the
 * user's config folder. A token from a file goes only to the broker that the file names.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import { Problem } from "../src/model/problems.ts";

const contextSchema = z.object({ url: z.url(), token: z.string().min(1), league: z.string().optional() });
export type Context = z.infer<typeof contextSchema>;

export interface Surroundings {
  /** where the person is; paths they typed are relative to it */
  cwd: string;
  /** where npm runs its scripts, when it runs this one: the folder of the checkout */
  checkout?: string;
  env: NodeJS.ProcessEnv;
}

export interface Access {
  url: string;
  token: string | null;
}

export const CONTEXT_FILE = "context.json";
const LOCAL_FOLDER = ".hansa";
const PRIVATE_MODE = 0o600;

export function userContextPath(env: NodeJS.ProcessEnv): string {
  const config = env.XDG_CONFIG_HOME || join(env.HOME || homedir(), ".config");
  return join(config, "hansa", CONTEXT_FILE);
}

/** null when there is none. */
export function readContext(path: string): Context | null {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return null;
  }
  try {
    return contextSchema.parse(JSON.parse(text));
  } catch {
    throw new Problem("invalid-request", `${path} is not a context file. Remove it, or write it anew: hansa login`);
  }
}

/** The nearest context file, if there is one. */
export function findContext({ cwd, checkout, env }: Surroundings): Context | null {
  const folders = [cwd, ...(checkout === undefined ? [] : [checkout])].flatMap(withParents);
  for (const folder of folders) {
    const found = readContext(join(folder, LOCAL_FOLDER, CONTEXT_FILE));
    if (found) return found;
  }
  return readContext(userContextPath(env));
}

function withParents(folder: string): string[] {
  const whole = resolve(folder);
  return dirname(whole) === whole ? [whole] : [whole, ...withParents(dirname(whole))];
}

const sameOrigin = (a: string, b: string): boolean => new URL(a).origin === new URL(b).origin;

/** `host:port` is taken as http on this machine and as https anywhere else. */
export function brokerUrl(text: string): string {
  const local = /^(localhost|127\.|\[::1\])/.test(text);
  const whole = /^https?:\/\//.test(text) ? text : `${local ? "http" : "https"}://${text}`;
  if (!URL.canParse(whole)) {
    throw new Problem("invalid-request", `"${text}" is not an address. Write it like https://hansa.example.org`);
  }
  return whole.replace(/\/+$/, "");
}

export function resolveAccess(options: { url?: string; token?: string }, surroundings: Surroundings): Access {
  const { env } = surroundings;
  const named = options.url || env.HANSA_URL;
  const given = options.token || env.HANSA_TOKEN;
  if (named && given) return { url: brokerUrl(named), token: given };
  const context = findContext(surroundings);
  if (named) {
    const url = brokerUrl(named);
    return { url, token: context && sameOrigin(context.url, url) ? context.token : null };
  }
  if (context) return { url: context.url, token: given || context.token };
  throw new Problem(
    "invalid-request",
    "no broker is named. Start a league on this machine (npm start), log in to one (hansa login --url …), or give --url or HANSA_URL",
  );
}

/** Readable by its owner only, whatever the umask; never half written. */
export function writeContext(path: string, context: Context): void {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(context, null, 2)}\n`, { mode: PRIVATE_MODE });
  renameSync(temporary, path);
}
