/** `/v1/clusters/{cluster}/nodes`: the machines of a cluster; its owner may pause and remove them. */
import { createRoute, z } from "@hono/zod-openapi";
import type { Scope } from "../model/views.ts";
import { nodeViewSchema } from "../model/views.ts";
import { newApi } from "./api.ts";
import { callerOf, mustOwn, READERS } from "./auth.ts";
import { clusterOf } from "./objects.ts";
import {
  after,
  byToken,
  idempotencyKey,
  json,
  limit,
  limitOf,
  nameText,
  pageOf,
  problem404,
  problems,
} from "./schemas.ts";

const OWNERS: readonly Scope[] = ["admin", "owner"];
const clusterPath = z.object({ cluster: nameText });
const nodePath = z.object({ cluster: nameText, node: nameText });

export const nodes = newApi();

nodes.openapi(
  createRoute({
    method: "get",
    path: "/v1/clusters/{cluster}/nodes",
    operationId: "listNodes",
    summary: "List a cluster's nodes",
    tags: ["nodes"],
    ...byToken,
    request: { params: clusterPath, query: z.strictObject({ after, limit }) },
    responses: { 200: json(pageOf(nodeViewSchema), "A page of nodes."), ...problems, ...problem404 },
  }),
  async (c) => {
    await callerOf(c, READERS);
    const { after: from = null, limit: most } = c.req.valid("query");
    const cluster = await clusterOf(c, c.req.valid("param").cluster);
    return c.json(await cluster.call("nodes", { after: from, limit: limitOf(most) }), 200);
  },
);

nodes.openapi(
  createRoute({
    method: "get",
    path: "/v1/clusters/{cluster}/nodes/{node}",
    operationId: "getNode",
    summary: "Look at a node",
    tags: ["nodes"],
    ...byToken,
    request: { params: nodePath },
    responses: { 200: json(nodeViewSchema, "The node as it is now."), ...problems, ...problem404 },
  }),
  async (c) => {
    await callerOf(c, READERS);
    const { cluster, node } = c.req.valid("param");
    return c.json(await (await clusterOf(c, cluster)).call("node", { name: node }), 200);
  },
);

nodes.openapi(
  createRoute({
    method: "delete",
    path: "/v1/clusters/{cluster}/nodes/{node}",
    operationId: "removeNode",
    summary: "Remove a node",
    description:
      "Its credential holds no longer. What may still run there is handed out again only after the silence that its job allows.",
    tags: ["nodes"],
    ...byToken,
    request: { params: nodePath },
    responses: { 200: json(nodeViewSchema, "The node as it was."), ...problems, ...problem404 },
  }),
  async (c) => {
    const caller = await callerOf(c, OWNERS);
    const { cluster, node } = c.req.valid("param");
    mustOwn(caller, cluster);
    return c.json(await (await clusterOf(c, cluster)).call("removeNode", { name: node }), 200);
  },
);

nodes.openapi(
  createRoute({
    method: "post",
    path: "/v1/clusters/{cluster}/nodes/{node}/unreserve",
    operationId: "unreserveNode",
    summary: "Free what is set aside on a node",
    description:
      "What Mesos frameworks have set aside there (RESERVE) is free for everyone. Tasks that run on it go on; offers of it are rescinded.",
    tags: ["nodes"],
    ...byToken,
    request: { params: nodePath, headers: idempotencyKey },
    responses: { 200: json(nodeViewSchema, "The node as it is now."), ...problems, ...problem404 },
  }),
  async (c) => {
    const caller = await callerOf(c, OWNERS);
    const { cluster, node } = c.req.valid("param");
    mustOwn(caller, cluster);
    return c.json(await (await clusterOf(c, cluster)).call("unreserveNode", { name: node }), 200);
  },
);

for (const [verb, paused] of [
  ["pause", true],
  ["resume", false],
] as const) {
  nodes.openapi(
    createRoute({
      method: "post",
      path: `/v1/clusters/{cluster}/nodes/{node}/${verb}`,
      operationId: `${verb}Node`,
      summary: paused ? "Start nothing new on a node" : "Use a paused node again",
      tags: ["nodes"],
      ...byToken,
      request: { params: nodePath, headers: idempotencyKey },
      responses: { 200: json(nodeViewSchema, "The node as it is now."), ...problems, ...problem404 },
    }),
    async (c) => {
      const caller = await callerOf(c, OWNERS);
      const { cluster, node } = c.req.valid("param");
      mustOwn(caller, cluster);
      return c.json(await (await clusterOf(c, cluster)).call("pauseNode", { name: node, paused }), 200);
    },
  );
}
