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
import type { ApiEnv, Env } from "./env.ts";
import { keysOf } from "./keys.ts";
import { VerifiedOnce } from "./verifiedOnce.ts";

const verified = new VerifiedOnce(verifyCredential);

export const presentCredential = createMiddleware<ApiEnv>(async (c, next) => {
  const claims = await verified.get(c.env, bearer(c));
  if (!claims) throw new Problem("unauthenticated", "this credential was not issued here; join again");
  if (isExpired(claims, Date.now())) throw new Problem("unauthenticated", "this credential has expired; join again");
  c.set("claims", claims);
  await next();
});

export const credentialFor = async (env: Env, identity: NodeIdentity): Promise<string> =>
  mintCredential((await keysOf(env)).current, identity, Date.now());

/** @returns a new one past three quarters of its life, else null */
export async function renewed(env: Env, claims: Claims): Promise<string | null> {
  const { current } = await keysOf(env);
  return isDueForRenewal(claims, Date.now(), current) ? credentialFor(env, claims) : null;
}
