/**
 * A node's credential: `hnc_<claims>_<mac>`, verified without asking anyone. It is revoked by its Cluster, whose row
 * of the node knows the newest serial.
 */
import { z } from "zod";
import { type MacKey, macHex, sameText } from "./digest.ts";

const LIFETIME_S = 30 * 86_400;
/** Past this part of its life a poll's reply carries a new one. */
const RENEW_AFTER = 0.75;
const PREFIX = "hnc_";
const MAX_CHARS = 2048;

/** A newer broker may have signed more. */
const claimsSchema = z.object({
  league: z.string(),
  cluster: z.string(),
  node: z.string(),
  /** rises when the node joins anew */
  serial: z.int(),
  /** seconds since 1970, by the clock of the service that also judges them */
  iat: z.int(),
  exp: z.int(),
  /** names the secret that made the MAC */
  kid: z.string(),
});
export type Claims = z.infer<typeof claimsSchema>;
export type NodeIdentity = Pick<Claims, "league" | "cluster" | "node" | "serial">;

/** A secret's MAC key with its public name. */
export interface NamedKey {
  kid: string;
  key: MacKey;
}

export const namedKey = async (key: MacKey): Promise<NamedKey> => ({
  kid: (await macHex(key, "kid")).slice(0, 8),
  key,
});

export async function mintCredential({ kid, key }: NamedKey, identity: NodeIdentity, nowMs: number): Promise<string> {
  const { league, cluster, node, serial } = identity;
  const iat = Math.floor(nowMs / 1000);
  const claims: Claims = { league, cluster, node, serial, iat, exp: iat + LIFETIME_S, kid };
  const signed = PREFIX + btoa(JSON.stringify(claims)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return `${signed}_${await macHex(key, signed)}`;
}

/** @returns null for what no known secret signed; expiry is not looked at, because it changes with time */
export async function verifyCredential(keys: readonly NamedKey[], text: string): Promise<Claims | null> {
  const cut = text.lastIndexOf("_");
  if (text.length > MAX_CHARS || !text.startsWith(PREFIX) || cut <= PREFIX.length) return null;
  const claims = decode(text.slice(PREFIX.length, cut));
  const named = keys.find(({ kid }) => kid === claims?.kid);
  if (!claims || !named) return null;
  return sameText(await macHex(named.key, text.slice(0, cut)), text.slice(cut + 1)) ? claims : null;
}

function decode(base64url: string): Claims | null {
  try {
    const json: unknown = JSON.parse(atob(base64url.replaceAll("-", "+").replaceAll("_", "/")));
    return claimsSchema.safeParse(json).data ?? null;
  } catch {
    return null;
  }
}

export const isExpired = ({ exp }: Claims, nowMs: number): boolean => nowMs / 1000 >= exp;

/** Also one that an older secret made: that secret will not be known for ever. */
export const isDueForRenewal = ({ iat, exp, kid }: Claims, nowMs: number, current: NamedKey): boolean =>
  kid !== current.kid || nowMs / 1000 >= iat + (exp - iat) * RENEW_AFTER;
