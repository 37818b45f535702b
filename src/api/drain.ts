/** `…/drain` of a cluster and of a node: made empty by a deadline, and used again later. */
import { createRoute, z } from "@hono/zod-openapi";
import { drainRequestSchema, drainWishOf } from "../model/drainRequest.ts";
import { clusterDrainSchema, nodeViewSchema, type Scope } from "../model/views.ts";
import { newApi } from "./api.ts";
import { callerOf, mustOwn, READERS } from "./auth.ts";
import { digestOf, keyOr } from "./idempotency.ts";
import { clusterOf } from "./objects.ts";
import { byToken, idempotencyKey, json, jsonBody, nameText, problem404, problem413, problems } from "./schemas.ts";

const OWNERS: readonly Scope[] = ["admin", "owner"];
const CLUSTER = "/v1/clusters/{cluster}/drain";
const NODE = "/v1/clusters/{cluster}/nodes/{node}/drain";
const clusterPath = z.object({ cluster: nameText });
const nodePath = z.object({ cluster: nameText, node: nameText });
/** Without one the defaults hold. */
const body = {
  ...jsonBody(drainRequestSchema.meta({ id: "DrainRequest" }), { deadline: "10m", for: "2h" }),
  required: false,
};
const AGAIN = "Said again, it holds as it is said then; sent again under its Idempotency-Key, its deadline stays.";

const wishOf = async (key: string | undefined, body: Parameters<typeof drainWishOf>[0]) => {
  const wish = drainWishOf(body);
  return { ...wish, request: await digestOf(keyOr(key), wish) };
};

export const drain = newApi();

drain.openapi(
  createRoute({
    method: "get",
    path: CLUSTER,
    operationId: "getDrain",
    summary: "Look at how far a cluster is drained",
    tags: ["clusters"],
    ...byToken,
    request: { params: clusterPath },
    responses: { 200: json(clusterDrainSchema, "The cluster as it is now."), ...problems, ...problem404 },
  }),
  async (c) => {
    await callerOf(c, READERS);
    return c.json(await (await clusterOf(c, c.req.valid("param").cluster)).call("drainView", {}), 200);
  },
);

drain.openapi(
  createRoute({
    method: "post",
    path: CLUSTER,
    operationId: "drainCluster",
    summary: "Drain a cluster",
    description: `Nothing new is placed in it, nodes that join later included; what waits goes to other clusters at once, what runs when it is stopped. ${AGAIN}`,
    tags: ["clusters"],
    ...byToken,
    request: { params: clusterPath, headers: idempotencyKey, body },
    responses: {
      200: json(clusterDrainSchema, "The cluster as it is now."),
      ...problems,
      ...problem404,
      ...problem413,
    },
  }),
  async (c) => {
    const caller = await callerOf(c, OWNERS);
    const { cluster } = c.req.valid("param");
    mustOwn(caller, cluster);
    const wish = await wishOf(c.req.valid("header")["idempotency-key"], c.req.valid("json"));
    return c.json(await (await clusterOf(c, cluster)).call("drain", wish), 200);
  },
);

drain.openapi(
  createRoute({
    method: "delete",
    path: CLUSTER,
    operationId: "undrainCluster",
    summary: "Use a drained cluster again",
    description: "Nodes that are drained by themselves stay so.",
    tags: ["clusters"],
    ...byToken,
    request: { params: clusterPath },
    responses: { 200: json(clusterDrainSchema, "The cluster as it is now."), ...problems, ...problem404 },
  }),
  async (c) => {
    const caller = await callerOf(c, OWNERS);
    const { cluster } = c.req.valid("param");
    mustOwn(caller, cluster);
    return c.json(await (await clusterOf(c, cluster)).call("undrain", {}), 200);
  },
);

drain.openapi(
  createRoute({
    method: "post",
    path: NODE,
    operationId: "drainNode",
    summary: "Drain a node",
    description: `Nothing new is placed on it. What runs there may end by itself until the deadline, is stopped then and tried again elsewhere, without a retry used; what allows two copies moves before it stops. ${AGAIN}`,
    tags: ["nodes"],
    ...byToken,
    request: { params: nodePath, headers: idempotencyKey, body },
    responses: { 200: json(nodeViewSchema, "The node as it is now."), ...problems, ...problem404, ...problem413 },
  }),
  async (c) => {
    const caller = await callerOf(c, OWNERS);
    const { cluster, node } = c.req.valid("param");
    mustOwn(caller, cluster);
    const wish = await wishOf(c.req.valid("header")["idempotency-key"], c.req.valid("json"));
    return c.json(await (await clusterOf(c, cluster)).call("drainNode", { name: node, ...wish }), 200);
  },
);

drain.openapi(
  createRoute({
    method: "delete",
    path: NODE,
    operationId: "undrainNode",
    summary: "Use a drained node again",
    description: "One whose cluster is drained waits for the end of that.",
    tags: ["nodes"],
    ...byToken,
    request: { params: nodePath },
    responses: { 200: json(nodeViewSchema, "The node as it is now."), ...problems, ...problem404 },
  }),
  async (c) => {
    const caller = await callerOf(c, OWNERS);
    const { cluster, node } = c.req.valid("param");
    mustOwn(caller, cluster);
    return c.json(await (await clusterOf(c, cluster)).call("undrainNode", { name: node }), 200);
  },
);
