/** Which agent asks: its credential, verified without a call. Its Cluster knows whether the node was removed. */
import { createMiddleware } from "hono/factory";
import {
  type Claims,
  isDueForRenewal,
  isExpired,
  mintCredential,
  type NodeIdentity,
  verifyCredential,
} from "../model/credential.ts";
import { Problem } from "../model/problems.ts";
import { bearer } from "./auth.ts";
import { BoundedMap } from "./boundedMap.ts";
import type { ApiEnv, Env } from "./env.ts";
import { keysOf } from "./keys.ts";

const MAX_VERIFIED = 10_000;
/** A credential comes with every poll: its MAC is computed once an isolate. */
let verified = new BoundedMap<string, Claims>(MAX_VERIFIED);
let verifiedFor = "";

export const presentCredential = createMiddleware<ApiEnv>(async (c, next) => {
  const claims = await claimsOf(c.env, bearer(c));
  if (!claims) throw new Problem("unauthenticated", "this credential was not issued here; join again");
  if (isExpired(claims, Date.now())) throw new Problem("unauthenticated", "this credential has expired; join again");
  c.set("claims", claims);
  await next();
});

async function claimsOf(env: Env, text: string): Promise<Claims | null> {
  const { all } = await keysOf(env);
  const keys = all.map(({ kid }) => kid).join();
  if (keys !== verifiedFor) {
    verified = new BoundedMap(MAX_VERIFIED);
    verifiedFor = keys;
  }
  const known = verified.get(text);
  if (known) return known;
  const claims = await verifyCredential(all, text);
  if (claims) verified.set(text, claims);
  return claims;
}

export const credentialFor = async (env: Env, identity: NodeIdentity): Promise<string> =>
  mintCredential((await keysOf(env)).current, identity, Date.now());

/** @returns a new one past three quarters of its life, else null */
export async function renewed(env: Env, claims: Claims): Promise<string | null> {
  const { current } = await keysOf(env);
  return isDueForRenewal(claims, Date.now(), current) ? credentialFor(env, claims) : null;
}
