/** `/v1/tokens` and `/v1/whoami`. A token's text is in the answer to its making and nowhere else. */
import { createRoute, z } from "@hono/zod-openapi";
import type { Caller } from "../broker/methods.ts";
import { macHex, sha256Hex } from "../model/digest.ts";
import { formatDuration, parseDuration } from "../model/duration.ts";
import { Problem } from "../model/problems.ts";
import { roleSchema } from "../model/roleRequest.ts";
import { composeToken } from "../model/token.ts";
import { scopeSchema, tokenViewSchema } from "../model/views.ts";
import { newApi } from "./api.ts";
import { callerOf, mustOwn, READERS } from "./auth.ts";
import { digestOf, idFrom, keyOr } from "./idempotency.ts";
import { keysOf } from "./keys.ts";
import { brokerOf, leagueOf } from "./objects.ts";
import {
  after,
  byToken,
  idempotencyKey,
  json,
  jsonBody,
  limit,
  limitOf,
  nameText,
  pageOf,
  problem404,
  problem413,
  problem422,
  problems,
} from "./schemas.ts";

const MAX_LIFE_MS = 10 * 365 * 86_400_000;
const JOIN_LIFE_MS = 3_600_000;
const JOIN_USES = 1;
const SECRET_CHARS = 32;

const lifeMs = z
  .string()
  .transform((text, ctx) => {
    const ms = parseDuration(text);
    if (ms !== null && ms > 0 && ms <= MAX_LIFE_MS) return ms;
    ctx.addIssue({
      code: "custom",
      message: `a length of time like 1h or 30d, at most ${formatDuration(MAX_LIFE_MS)}`,
    });
    return z.NEVER;
  })
  .openapi({ type: "string", example: "30d" });

const tokenRequest = z
  .strictObject({
    scope: scopeSchema.openapi({
      description:
        "admin: everything · owner: one cluster's nodes · member: jobs of one role · join: new nodes of one cluster",
    }),
    cluster: nameText.optional().openapi({ description: "Of an owner's and a join token." }),
    role: roleSchema.optional().openapi({ description: "Of a member's token: this role and those under it." }),
    uses: z
      .int()
      .min(1)
      .max(1_000_000)
      .optional()
      .openapi({ description: `Of a join token; default ${JOIN_USES}.` }),
    expiresIn: lifeMs.optional().openapi({
      description: `Default: a join token holds ${formatDuration(JOIN_LIFE_MS)}, others until they are revoked.`,
    }),
    note: z.string().max(200).optional(),
  })
  .superRefine(({ scope, cluster, role, uses }, ctx) => {
    const needsCluster = scope === "owner" || scope === "join";
    const issue = (path: string, message: string) => ctx.addIssue({ code: "custom", path: [path], message });
    if (needsCluster !== (cluster !== undefined)) {
      issue(
        "cluster",
        needsCluster ? `a token of scope ${scope} is for one cluster: name it` : `not with scope ${scope}`,
      );
    }
    if ((scope === "member") !== (role !== undefined)) {
      issue("role", scope === "member" ? "a member's token is for one role: name it" : `not with scope ${scope}`);
    }
    if (uses !== undefined && scope !== "join") issue("uses", `not with scope ${scope}`);
  })
  .openapi("TokenRequest");

const newTokenSchema = tokenViewSchema
  .extend({ token: z.string().openapi({ description: "Keep it: it is told only here." }) })
  .openapi("NewToken");

export const tokens = newApi();

tokens.openapi(
  createRoute({
    method: "post",
    path: "/v1/tokens",
    operationId: "createToken",
    summary: "Make a token",
    description: "An owner may make join tokens for its own cluster.",
    tags: ["tokens"],
    ...byToken,
    request: {
      headers: idempotencyKey,
      body: jsonBody(tokenRequest, { scope: "join", cluster: "north", uses: 10, expiresIn: "1d" }),
    },
    responses: { 201: json(newTokenSchema, "The token."), ...problems, ...problem413, ...problem422 },
  }),
  async (c) => {
    const caller = await callerOf(c, ["admin", "owner"]);
    const body = c.req.valid("json");
    mustBeAllowed(caller, body);
    const league = leagueOf(c);
    const key = keyOr(c.req.valid("header")["idempotency-key"]);
    const { current } = await keysOf(c.env);
    // Made of the key, so that the answer to a repeated request is the same token, which nobody has stored.
    const id = await idFrom(league, "token", key);
    const secret = (await macHex(current.key, `token/${league}/${id}/${key}`)).slice(0, SECRET_CHARS);
    const { scope, cluster = null, role = null, note = "" } = body;
    const text = await composeToken(current.key, { scope, league, id, secret });
    const isJoin = scope === "join";
    const expiresIn = body.expiresIn ?? (isJoin ? JOIN_LIFE_MS : null);
    const view = await brokerOf(c).call("createToken", {
      id,
      hash: await sha256Hex(text),
      scope,
      cluster,
      role,
      uses: isJoin ? (body.uses ?? JOIN_USES) : null,
      expiresAt: expiresIn === null ? null : Date.now() + expiresIn,
      note,
      idempotency: { key, digest: await digestOf("token", body) },
    });
    return c.json({ ...view, token: text }, 201);
  },
);

function mustBeAllowed(caller: Caller, { scope, cluster }: z.output<typeof tokenRequest>): void {
  if (caller.scope === "admin") return;
  if (scope !== "join" || cluster === undefined) {
    throw new Problem("not-allowed", "an owner's token may only make join tokens for its own cluster");
  }
  mustOwn(caller, cluster);
}

tokens.openapi(
  createRoute({
    method: "get",
    path: "/v1/tokens",
    operationId: "listTokens",
    summary: "List tokens, without their texts",
    tags: ["tokens"],
    ...byToken,
    request: { query: z.strictObject({ after, limit }) },
    responses: { 200: json(pageOf(tokenViewSchema), "A page of tokens."), ...problems },
  }),
  async (c) => {
    await callerOf(c, ["admin"]);
    const { after: from = null, limit: most } = c.req.valid("query");
    return c.json(await brokerOf(c).call("listTokens", { after: from, limit: limitOf(most) }), 200);
  },
);

tokens.openapi(
  createRoute({
    method: "delete",
    path: "/v1/tokens/{id}",
    operationId: "revokeToken",
    summary: "Revoke a token",
    description: "It may be taken for half a minute longer where it was just used.",
    tags: ["tokens"],
    ...byToken,
    request: { params: z.object({ id: z.string().regex(/^[0-9a-zA-Z]{1,32}$/) }) },
    responses: { 200: json(tokenViewSchema, "The token, revoked."), ...problems, ...problem404 },
  }),
  async (c) => {
    await callerOf(c, ["admin"]);
    return c.json(await brokerOf(c).call("revokeToken", { id: c.req.valid("param").id }), 200);
  },
);

const whoamiSchema = z
  .object({
    league: z.string(),
    scope: scopeSchema,
    token: z.string().openapi({ description: "The token's id." }),
    cluster: z.string().nullable(),
    role: z.string().nullable(),
  })
  .openapi("WhoAmI");

tokens.openapi(
  createRoute({
    method: "get",
    path: "/v1/whoami",
    operationId: "whoami",
    summary: "What the token is for",
    tags: ["tokens"],
    ...byToken,
    responses: { 200: json(whoamiSchema, "The token's league and scope."), ...problems },
  }),
  async (c) => {
    const { token, scope, cluster, role } = await callerOf(c, READERS);
    return c.json({ league: leagueOf(c), scope, token, cluster, role }, 200);
  },
);
