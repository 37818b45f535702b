/** `/agent/v1`: what agents call. A poll is the one call that carries everything that matters. */
import { createRoute, z } from "@hono/zod-openapi";
import type { ClusterSocketMessage, NodeClaims } from "../cluster/methods.ts";
import type { Claims } from "../model/credential.ts";
import { sha256Hex } from "../model/digest.ts";
import { Problem } from "../model/problems.ts";
import { nodeViewSchema } from "../model/views.ts";
import { joinRequestSchema, MAX_WAIT_S, type PollReply, pollRequestSchema } from "../protocol/agent.ts";
import { newApi } from "./api.ts";
import { presentToken } from "./auth.ts";
import { readBytes } from "./body.ts";
import { credentialFor, presentCredential, renewed } from "./credentials.ts";
import { answerPoll } from "./hold.ts";
import { brokerAt, clusterAt, shelfFor } from "./objects.ts";
import { unavailable } from "./problems.ts";
import {
  json,
  jsonBody,
  numberText,
  problem404,
  problem409,
  problem413,
  problem416,
  problems,
  taskIdText,
} from "./schemas.ts";

const byCredential = { security: [{ credential: [] }] };
const MAX_CRC32 = 0xffff_ffff;

export const agents = newApi();

agents.use("/agent/v1/join", presentToken);
agents.use("/agent/v1/poll", presentCredential);
agents.use("/agent/v1/wake", presentCredential);
agents.use("/agent/v1/node", presentCredential);
agents.use("/agent/v1/tasks/*", presentCredential);

const joinReplySchema = z
  .object({ league: z.string(), cluster: z.string(), node: z.string(), credential: z.string() })
  .openapi("JoinReply");

agents.openapi(
  createRoute({
    method: "post",
    path: "/agent/v1/join",
    operationId: "join",
    summary: "Become a node of the join token's cluster",
    tags: ["agents"],
    security: [{ token: [] }],
    request: {
      body: jsonBody(joinRequestSchema.meta({ id: "JoinRequest" }), {
        name: "n1",
        key: "0f8fad5b-d9cb-469f-a165-70867728950e",
      }),
    },
    responses: { 201: json(joinReplySchema, "The node and its credential."), ...problems, ...problem413 },
  }),
  async (c) => {
    const { text, token } = c.get("presented");
    if (token.scope !== "join") {
      throw new Problem("not-allowed", `a token of scope ${token.scope} can't join a node; make one of scope join`);
    }
    const { name, key } = c.req.valid("json");
    const { league, id } = token;
    const joined = await brokerAt(c.env, league).call("redeemJoin", { id, hash: await sha256Hex(text), key });
    if (!joined) {
      throw new Problem("unauthenticated", "this join token has expired, was used up or revoked; ask for a new one");
    }
    const { cluster } = joined;
    const { node, serial } = await clusterAt(c.env, league, cluster).call("join", { name, key });
    const credential = await credentialFor(c.env, { league, cluster, node, serial });
    return c.json({ league, cluster, node, credential }, 201);
  },
);

const attemptKeys = z.array(z.string()).openapi({ example: ["7k2m9qd1xz.0@1048576"] });
const pollReplySchema = z
  .object({
    session: z.int(),
    seq: z.int(),
    nonce: z.string().optional(),
    renews: attemptKeys,
    jobs: z.record(z.string(), z.looseObject({})).openapi({ description: "Templates of the jobs in `assignments`." }),
    assignments: z.array(
      z.object({
        task: z.string(),
        epoch: z.int(),
        item: z.string().nullable(),
        devices: z.array(z.int()).optional().openapi({ description: "Of the node's gpus, by number." }),
        ports: z.array(z.int()).optional(),
      }),
    ),
    stops: z.array(
      z.object({
        task: z.string(),
        epoch: z.int(),
        graceMs: z.int(),
        reason: z.enum(["cancelled", "timeout", "superseded", "unknown", "reclaimed", "drained", "gang"]),
      }),
    ),
    acked: z.array(z.string()),
    follows: attemptKeys,
    nextPollMs: z.int(),
    action: z.enum(["run", "pause", "drain", "rejoin", "gone"]),
    wantInventory: z.boolean(),
    credential: z.string().optional(),
  })
  .openapi("PollReply");

agents.openapi(
  createRoute({
    method: "post",
    path: "/agent/v1/poll",
    operationId: "poll",
    summary: "Say what runs, hear what shall run",
    description:
      "With `wait` the answer comes when there is something to do, or after so many seconds. Only the answer to an agent's newest poll counts.",
    tags: ["agents"],
    ...byCredential,
    request: {
      query: z.object({ wait: numberText(0, MAX_WAIT_S).optional() }),
      body: jsonBody(pollRequestSchema.meta({ id: "PollRequest" }), {
        session: 3,
        nonce: "6f1c2b7a",
        seq: 12,
        boot: "1b4e28ba-2fa1-11d2-883f-0016d3cca427",
        running: [["7k2m9qd1xz.0", 1048576]],
        updates: [],
        pressure: [],
      }),
    },
    responses: {
      200: json(pollReplySchema, "What the cluster wants of the node."),
      204: { description: "A newer poll took this one's place." },
      ...problems,
      ...problem413,
    },
  }),
  async (c) => {
    const claims = c.get("claims");
    const cluster = clusterAt(c.env, claims.league, claims.cluster);
    const request = c.req.valid("json");
    const { wait = 0 } = c.req.valid("query");
    const reply = await answerPoll(cluster, { claims: nodeOf(claims), request }, wait, c.req.raw.signal);
    if (reply === null) return c.body(null, 204);
    const isWelcome = reply.action === "run" || reply.action === "pause";
    return pollResponse(reply, isWelcome ? await renewed(c.env, claims) : null);
  },
);

/** As it is: a reply may be large, and its type says what it is. */
const pollResponse = (reply: PollReply, credential: string | null): Response =>
  Response.json(credential === null ? reply : { ...reply, credential });

const nodeOf = ({ league, cluster, node, serial }: Claims): NodeClaims => ({ league, cluster, node, serial });

agents.openapi(
  createRoute({
    method: "get",
    path: "/agent/v1/wake",
    operationId: "wake",
    summary: "A WebSocket that says when to poll",
    description: 'It only ever says `{"wake":true}`, and hears nothing.',
    tags: ["agents"],
    ...byCredential,
    responses: { 101: { description: "The socket is open." }, ...problems },
  }),
  async (c) => {
    if (c.req.header("upgrade")?.toLowerCase() !== "websocket") {
      throw new Problem("invalid-request", "this is a WebSocket: ask with Upgrade: websocket");
    }
    const claims = c.get("claims");
    const wake: ClusterSocketMessage = { wake: { claims: nodeOf(claims) } };
    const response = await clusterAt(c.env, claims.league, claims.cluster).handOver(wake);
    if (response.status !== 101) throw unavailable("the cluster did not take the socket; try again");
    return response;
  },
);

agents.openapi(
  createRoute({
    method: "get",
    path: "/agent/v1/node",
    operationId: "ownNode",
    summary: "How the broker sees the node that asks",
    tags: ["agents"],
    ...byCredential,
    responses: { 200: json(nodeViewSchema, "The node as it is now."), ...problems, ...problem404 },
  }),
  async (c) => {
    const { league, cluster, node, serial } = c.get("claims");
    return c.json(await clusterAt(c.env, league, cluster).call("node", { name: node, serial }), 200);
  },
);

const putReplySchema = z
  .object({
    offset: z.int().openapi({ description: "Where the stream goes on." }),
    followed: z.boolean().openapi({ description: "Someone follows it now: send each second." }),
  })
  .openapi("PutReply");

agents.openapi(
  createRoute({
    method: "put",
    path: "/agent/v1/tasks/{task}/{epoch}/logs",
    operationId: "appendLogs",
    summary: "Append to the output of an attempt",
    description: "Only at the present end: 416 says where that is.",
    tags: ["agents"],
    ...byCredential,
    request: {
      params: z.object({ task: taskIdText, epoch: numberText(0, Number.MAX_SAFE_INTEGER) }),
      query: z
        .object({
          stream: z.enum(["stdout", "stderr"]),
          offset: numberText(0, Number.MAX_SAFE_INTEGER),
          end: z.enum(["0", "1"]).optional().openapi({ description: "1: nothing comes after these bytes." }),
          size: numberText(0, Number.MAX_SAFE_INTEGER)
            .optional()
            .openapi({ description: "Of the whole stream, with end." }),
          crc32: numberText(0, MAX_CRC32).optional().openapi({ description: "Of the whole stream, with end." }),
        })
        .superRefine(({ end, size, crc32 }, ctx) => {
          if (end !== "1") return;
          if (size === undefined) ctx.addIssue({ code: "custom", path: ["size"], message: "needed with end=1" });
          if (crc32 === undefined) ctx.addIssue({ code: "custom", path: ["crc32"], message: "needed with end=1" });
        }),
      body: {
        content: { "application/octet-stream": { schema: z.string().openapi({ type: "string", format: "binary" }) } },
      },
    },
    responses: {
      200: json(putReplySchema, "Stored."),
      ...problems,
      ...problem404,
      ...problem409,
      ...problem413,
      ...problem416,
    },
  }),
  async (c) => {
    const { league, cluster, node } = c.get("claims");
    const { task, epoch } = c.req.valid("param");
    const { stream, offset, end, size = 0, crc32 = 0 } = c.req.valid("query");
    const reply = await shelfFor(c.env, league, task).call("put", {
      task,
      epoch,
      stream,
      offset,
      bytes: await readBytes(c.req.raw),
      end: end === "1" ? { size, crc32 } : null,
      writer: `${cluster}/${node}`,
    });
    return c.json(reply, 200);
  },
);
