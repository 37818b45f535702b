/** `…/drill` of a cluster: its nodes cut off for a time, and what became of what they ran. */
import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { DrillSight } from "../cluster/drill/report.ts";
import { drillLength, drillRequestSchema } from "../model/drillRequest.ts";
import { type ClusterDrillView, clusterDrillSchema, drillPreviewSchema } from "../model/drillView.ts";
import type { Scope } from "../model/views.ts";
import { newApi } from "./api.ts";
import { callerOf, mustOwn, READERS } from "./auth.ts";
import { whole } from "./drillReport.ts";
import type { ApiEnv } from "./env.ts";
import { digestOf, keyOr } from "./idempotency.ts";
import { brokerOf, clusterAt, clusterOf, leagueOf } from "./objects.ts";
import {
  byToken,
  idempotencyKey,
  json,
  jsonBody,
  nameText,
  problem404,
  problem409,
  problem413,
  problems,
} from "./schemas.ts";

const OWNERS: readonly Scope[] = ["admin", "owner"];
const PATH = "/v1/clusters/{cluster}/drill";
const clusterPath = z.object({ cluster: nameText });
const answered = json(clusterDrillSchema, "The drill as it stands.");

export const drill = newApi();

drill.openapi(
  createRoute({
    method: "get",
    path: `${PATH}/preview`,
    operationId: "previewDrill",
    summary: "See what a fire drill would do",
    description: "Which live tasks would be stopped, which go on, which would be handed out again. Changes nothing.",
    tags: ["clusters"],
    ...byToken,
    request: {
      params: clusterPath,
      query: z.strictObject({ for: drillLength.openapi({ type: "string", example: "5m" }) }),
    },
    responses: {
      200: json(drillPreviewSchema, "What it would do now."),
      ...problems,
      ...problem404,
      ...problem409,
    },
  }),
  async (c) => {
    await callerOf(c, READERS);
    const cluster = await clusterOf(c, c.req.valid("param").cluster);
    return c.json(await cluster.call("previewDrill", { forMs: c.req.valid("query").for }), 200);
  },
);

drill.openapi(
  createRoute({
    method: "get",
    path: PATH,
    operationId: "getDrill",
    summary: "Look at a fire drill",
    description: "The one that lasts, or the last one with its report.",
    tags: ["clusters"],
    ...byToken,
    request: { params: clusterPath },
    responses: { 200: answered, ...problems, ...problem404 },
  }),
  async (c) => {
    await callerOf(c, READERS);
    const { cluster } = c.req.valid("param");
    return c.json(await told(c, cluster, await (await clusterOf(c, cluster)).call("drillSight", {})), 200);
  },
);

drill.openapi(
  createRoute({
    method: "post",
    path: PATH,
    operationId: "startDrill",
    summary: "Begin a fire drill",
    description:
      "For so long the cluster's nodes are not heard, as if the uplink of its site were cut; what is lent to it, and what it lends, goes as in such a cut. It ends by itself. One at a time: sent again under its Idempotency-Key it is the same drill.",
    tags: ["clusters"],
    ...byToken,
    request: {
      params: clusterPath,
      headers: idempotencyKey,
      body: jsonBody(drillRequestSchema.meta({ id: "DrillRequest" }), { for: "5m" }),
    },
    responses: { 200: answered, ...problems, ...problem404, ...problem409, ...problem413 },
  }),
  async (c) => {
    const caller = await callerOf(c, OWNERS);
    const { cluster } = c.req.valid("param");
    mustOwn(caller, cluster);
    const { for: forMs } = c.req.valid("json");
    const request = await digestOf(keyOr(c.req.valid("header")["idempotency-key"]), { forMs });
    const sight = await (await clusterOf(c, cluster)).call("startDrill", { forMs, request });
    return c.json(await told(c, cluster, sight), 200);
  },
);

drill.openapi(
  createRoute({
    method: "delete",
    path: PATH,
    operationId: "endDrill",
    summary: "End a fire drill early",
    description: "Its report is made as if its time were over.",
    tags: ["clusters"],
    ...byToken,
    request: { params: clusterPath },
    responses: { 200: answered, ...problems, ...problem404 },
  }),
  async (c) => {
    const caller = await callerOf(c, OWNERS);
    const { cluster } = c.req.valid("param");
    mustOwn(caller, cluster);
    return c.json(await told(c, cluster, await (await clusterOf(c, cluster)).call("endDrill", {})), 200);
  },
);

/** What was given back, the Broker and the other clusters tell of. */
async function told(c: Context<ApiEnv>, cluster: string, sight: DrillSight | null): Promise<ClusterDrillView> {
  if (sight === null) return { cluster, drill: null };
  if (Object.keys(sight.away).length === 0) return { cluster, drill: sight.view };
  const where = await brokerOf(c).call("whereabouts", { jobs: sight.away });
  const names = new Set(Object.values(where).flatMap(({ clusters }) => Object.keys(clusters)));
  const has = (name: string) =>
    Object.fromEntries(
      Object.entries(where).flatMap(([id, { clusters }]) => (clusters[name] ? [[id, clusters[name]]] : [])),
    );
  const found = await Promise.all(
    [...names].map(
      async (name) =>
        [name, await clusterAt(c.env, leagueOf(c), name).call("whereabouts", { jobs: has(name) })] as const,
    ),
  );
  return { cluster, drill: whole(sight, where, new Map(found)) };
}
