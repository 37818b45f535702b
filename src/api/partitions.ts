/** `/v1/clusters/{cluster}/partitions`: the named shares of a cluster; its owner makes, changes and removes them. */
import { createRoute, z } from "@hono/zod-openapi";
import { partitionRequestSchema, specOf } from "../model/partition.ts";
import { partitionViewSchema, type Scope } from "../model/views.ts";
import { newApi } from "./api.ts";
import { callerOf, mustOwn, READERS } from "./auth.ts";
import { clusterOf } from "./objects.ts";
import { byToken, json, jsonBody, listOf, nameText, problem404, problem409, problem413, problems } from "./schemas.ts";

const OWNERS: readonly Scope[] = ["admin", "owner"];
const clusterPath = z.object({ cluster: nameText });
const partitionPath = z.object({ cluster: nameText, partition: nameText });

export const partitions = newApi();

partitions.openapi(
  createRoute({
    method: "get",
    path: "/v1/clusters/{cluster}/partitions",
    operationId: "listPartitions",
    summary: "List a cluster's partitions",
    description: "In their order: of several that a node satisfies, the first has it. The last one holds the rest.",
    tags: ["partitions"],
    ...byToken,
    request: { params: clusterPath },
    responses: { 200: json(listOf(partitionViewSchema), "All of them, with amounts."), ...problems, ...problem404 },
  }),
  async (c) => {
    await callerOf(c, READERS);
    const cluster = await clusterOf(c, c.req.valid("param").cluster);
    return c.json({ items: await cluster.call("partitions", {}) }, 200);
  },
);

partitions.openapi(
  createRoute({
    method: "get",
    path: "/v1/clusters/{cluster}/partitions/{partition}",
    operationId: "getPartition",
    summary: "Look at a partition",
    tags: ["partitions"],
    ...byToken,
    request: { params: partitionPath },
    responses: { 200: json(partitionViewSchema, "The partition as it is now."), ...problems, ...problem404 },
  }),
  async (c) => {
    await callerOf(c, READERS);
    const { cluster, partition } = c.req.valid("param");
    return c.json(await (await clusterOf(c, cluster)).call("partition", { name: partition }), 200);
  },
);

partitions.openapi(
  createRoute({
    method: "put",
    path: "/v1/clusters/{cluster}/partitions/{partition}",
    operationId: "putPartition",
    summary: "Make a partition, or replace what it is",
    description:
      "What is left out has its default, but a partition keeps its position. What runs goes on, and counts where it was handed out.",
    tags: ["partitions"],
    ...byToken,
    request: {
      params: partitionPath,
      body: jsonBody(partitionRequestSchema.meta({ id: "PartitionRequest" }), {
        nodes: ["gpu_model = T4"],
        owner: "lab/ml",
        lend: { gpus: "50%" },
        pack: "pack",
        price: 2.5,
      }),
    },
    responses: {
      200: json(partitionViewSchema, "The partition as it is now."),
      ...problems,
      ...problem404,
      ...problem409,
      ...problem413,
    },
  }),
  async (c) => {
    const caller = await callerOf(c, OWNERS);
    const { cluster, partition } = c.req.valid("param");
    mustOwn(caller, cluster);
    const body = c.req.valid("json");
    const spec = specOf(partition, body);
    const view = await (await clusterOf(c, cluster)).call("putPartition", { spec, position: body.position ?? null });
    return c.json(view, 200);
  },
);

partitions.openapi(
  createRoute({
    method: "delete",
    path: "/v1/clusters/{cluster}/partitions/{partition}",
    operationId: "removePartition",
    summary: "Remove a partition",
    description: "Its nodes belong to the next one that they satisfy.",
    tags: ["partitions"],
    ...byToken,
    request: { params: partitionPath },
    responses: {
      200: json(partitionViewSchema, "The partition as it was."),
      ...problems,
      ...problem404,
      ...problem409,
    },
  }),
  async (c) => {
    const caller = await callerOf(c, OWNERS);
    const { cluster, partition } = c.req.valid("param");
    mustOwn(caller, cluster);
    return c.json(await (await clusterOf(c, cluster)).call("removePartition", { name: partition }), 200);
  },
);
