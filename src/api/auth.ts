/**
 * Who asks. The MAC is checked before anything is read, and whether the token still holds only when the request is
 * known to be well-formed: junk of either kind reaches no object.
 */
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import type { Caller } from "../broker/methods.ts";
import { sha256Hex } from "../model/digest.ts";
import { Problem } from "../model/problems.ts";
import { isWithin } from "../model/role.ts";
import { verifyToken } from "../model/token.ts";
import type { Scope } from "../model/views.ts";
import { BoundedMap } from "./boundedMap.ts";
import type { ApiEnv, Env, Presented } from "./env.ts";
import { brokerOf } from "./objects.ts";
import { VerifiedOnce } from "./verifiedOnce.ts";

/** A revoked token may go on so long in an isolate that has just seen it. */
const LOOKUP_TTL_MS = 30_000;
const MAX_LOOKUPS = 10_000;

/** Everyone but those who may only join. */
export const READERS: readonly Scope[] = ["admin", "owner", "member"];

const verified = new VerifiedOnce((keys, text) =>
  verifyToken(
    keys.map(({ key }) => key),
    text,
  ),
);
const lookups = new BoundedMap<string, { caller: Caller; untilMs: number }>(MAX_LOOKUPS);

export function bearer(c: Context<ApiEnv>): string {
  const [scheme, text, ...more] = (c.req.header("authorization") ?? "").split(" ");
  if (scheme?.toLowerCase() === "bearer" && text && more.length === 0) return text;
  throw new Problem("unauthenticated", "send a token: Authorization: Bearer hns_…");
}

/** Lets through what this deployment has signed. */
export const presentToken = createMiddleware<ApiEnv>(async (c, next) => {
  c.set("presented", await presentedBy(c));
  await next();
});

const presentedBy = (c: Context<ApiEnv>): Promise<Presented> => presentedText(c.env, bearer(c));

/** @throws Problem for a token that this deployment has not signed */
export async function presentedText(env: Env, text: string): Promise<Presented> {
  const token = await verified.get(env, text);
  if (!token) throw new Problem("unauthenticated", "this token was not issued here; is it complete?");
  return { text, token };
}

/** @throws Problem when the token's scope is another, or the token does not hold any more */
export async function callerOf(c: Context<ApiEnv>, scopes: readonly Scope[]): Promise<Caller> {
  const { text, token } = c.get("presented");
  if (!scopes.includes(token.scope)) {
    throw new Problem(
      "not-allowed",
      `a token of scope ${token.scope} may not do this; it takes ${scopes.join(" or ")}`,
    );
  }
  const known = lookups.get(text);
  if (known && Date.now() < known.untilMs) return known.caller;
  lookups.delete(text);
  const caller = await brokerOf(c).call("auth", { id: token.id, hash: await sha256Hex(text) });
  if (!caller) throw new Problem("unauthenticated", "this token has expired or was revoked; ask for a new one");
  lookups.set(text, { caller, untilMs: Date.now() + LOOKUP_TTL_MS });
  return caller;
}

/** An owner's token is for one cluster. */
export function mustOwn(caller: Caller, cluster: string): void {
  if (caller.scope === "admin" || caller.cluster === cluster) return;
  throw new Problem("not-allowed", `this token is for cluster ${caller.cluster}, not for ${cluster}`);
}

/** A member's token is for one role and those under it. @returns the role to use */
export function roleFor(caller: Caller, asked: string | undefined): string | undefined {
  if (caller.scope !== "member" || caller.role === null) return asked;
  if (asked === undefined) return caller.role;
  if (isWithin(asked, caller.role)) return asked;
  throw new Problem("not-allowed", `this token is for role ${caller.role}, not for ${asked}`);
}
