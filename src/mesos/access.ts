/**
 * Who asks: HTTP Basic, as Mesos has it, with the principal as user name and a token of the league as password; or a
 * token as bearer. Without either, whom the deployment has bound the surface to.
 */
import type { Context } from "hono";
import { callerOf, presentedText } from "../api/auth.ts";
import type { ApiEnv } from "../api/env.ts";
import { Problem } from "../model/problems.ts";
import type { Scope } from "../model/views.ts";
import type { Credential } from "./calls/frameworkInfo.ts";
import { bindingOf } from "./settings.ts";

export interface Access extends Credential {
  league: string;
}

const SCHEDULERS: readonly Scope[] = ["admin", "member"];
const HOW = "send HTTP Basic credentials: any principal as user name, a Hansa token (hns_…) as password";

/**
 * @param scopes of tokens that may
 * @throws Problem `unauthenticated`, `not-allowed`
 */
export async function accessOf(c: Context<ApiEnv>, scopes = SCHEDULERS): Promise<Access> {
  const header = c.req.header("authorization");
  if (header === undefined) {
    const binding = bindingOf(c.env);
    if (binding === null) throw new Problem("unauthenticated", HOW);
    return { ...binding, principal: null };
  }
  const { principal, text } = credentialsIn(header);
  const presented = await presentedText(c.env, text);
  c.set("presented", presented);
  const caller = await callerOf(c, scopes);
  return { league: presented.token.league, role: caller.scope === "member" ? caller.role : null, principal };
}

function credentialsIn(header: string): { principal: string | null; text: string } {
  const [, scheme = "", text = ""] = /^(\S+) +(\S+) *$/.exec(header) ?? [];
  if (scheme.toLowerCase() === "bearer") return { principal: null, text };
  if (scheme.toLowerCase() !== "basic") throw new Problem("unauthenticated", HOW);
  const pair = decoded(text);
  const colon = pair?.indexOf(":") ?? -1;
  if (pair === null || colon < 0) throw new Problem("unauthenticated", `these Basic credentials can't be read; ${HOW}`);
  return { principal: pair.slice(0, colon) || null, text: pair.slice(colon + 1) };
}

function decoded(base64: string): string | null {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(base64), (char) => char.charCodeAt(0)));
  } catch {
    return null;
  }
}
