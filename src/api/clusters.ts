/** `/v1/clusters`: the league's clusters. */
import { createRoute, z } from "@hono/zod-openapi";
import { labelsSchema } from "../model/labels.ts";
import { clusterViewSchema } from "../model/views.ts";
import { newApi } from "./api.ts";
import { callerOf, READERS } from "./auth.ts";
import { idempotency } from "./idempotency.ts";
import { brokerOf } from "./objects.ts";
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
  problem409,
  problem413,
  problem422,
  problems,
} from "./schemas.ts";

const clusterRequest = z
  .strictObject({
    name: nameText,
    labels: labelsSchema
      .optional()
      .openapi({ description: "Notes on the place, for people; constraints look at nodes' own attributes." }),
  })
  .openapi("NewCluster");
const clusterPath = z.object({ cluster: nameText });

export const clusters = newApi();

clusters.openapi(
  createRoute({
    method: "get",
    path: "/v1/clusters",
    operationId: "listClusters",
    summary: "List clusters",
    tags: ["clusters"],
    ...byToken,
    request: { query: z.strictObject({ after, limit }) },
    responses: { 200: json(pageOf(clusterViewSchema), "A page of clusters."), ...problems },
  }),
  async (c) => {
    await callerOf(c, READERS);
    const { after: from = null, limit: most } = c.req.valid("query");
    return c.json(await brokerOf(c).call("clusters", { after: from, limit: limitOf(most) }), 200);
  },
);

clusters.openapi(
  createRoute({
    method: "post",
    path: "/v1/clusters",
    operationId: "createCluster",
    summary: "Add a cluster",
    tags: ["clusters"],
    ...byToken,
    request: {
      headers: idempotencyKey,
      body: jsonBody(clusterRequest, { name: "north", labels: { region: "eu", owner: "lab-a" } }),
    },
    responses: {
      201: json(clusterViewSchema, "The cluster, empty."),
      ...problems,
      ...problem409,
      ...problem413,
      ...problem422,
    },
  }),
  async (c) => {
    await callerOf(c, ["admin"]);
    const body = c.req.valid("json");
    const key = c.req.valid("header")["idempotency-key"];
    const once = await idempotency(key, "cluster", body);
    const view = await brokerOf(c).call("createCluster", {
      name: body.name,
      labels: body.labels ?? {},
      idempotency: once,
    });
    return c.json(view, 201);
  },
);

clusters.openapi(
  createRoute({
    method: "get",
    path: "/v1/clusters/{cluster}",
    operationId: "getCluster",
    summary: "Look at a cluster",
    tags: ["clusters"],
    ...byToken,
    request: { params: clusterPath },
    responses: { 200: json(clusterViewSchema, "The cluster as it is now."), ...problems, ...problem404 },
  }),
  async (c) => {
    await callerOf(c, READERS);
    return c.json(await brokerOf(c).call("cluster", { name: c.req.valid("param").cluster }), 200);
  },
);

clusters.openapi(
  createRoute({
    method: "delete",
    path: "/v1/clusters/{cluster}",
    operationId: "removeCluster",
    summary: "Remove a cluster",
    tags: ["clusters"],
    ...byToken,
    request: { params: clusterPath },
    responses: { 200: json(clusterViewSchema, "The cluster as it was."), ...problems, ...problem404, ...problem409 },
  }),
  async (c) => {
    await callerOf(c, ["admin"]);
    return c.json(await brokerOf(c).call("removeCluster", { name: c.req.valid("param").cluster }), 200);
  },
);
