/** `/v1/roles`: who resources are shared among. A name of several parts is one part of the path: `lab%2Fml`. */
import { createRoute, z } from "@hono/zod-openapi";
import { policyOf, rolePolicySchema, roleSchema } from "../model/roleRequest.ts";
import { roleViewSchema } from "../model/views.ts";
import { newApi } from "./api.ts";
import { callerOf, READERS } from "./auth.ts";
import { brokerOf } from "./objects.ts";
import { byToken, json, jsonBody, listOf, problem404, problem409, problem413, problems } from "./schemas.ts";

const rolePath = z.object({
  role: roleSchema.openapi({ example: "lab/ml", description: "With %2F in place of each slash." }),
});

export const roles = newApi();

roles.openapi(
  createRoute({
    method: "get",
    path: "/v1/roles",
    operationId: "listRoles",
    summary: "List roles",
    description: "Those that are configured, own a partition or have jobs, and what they are under.",
    tags: ["roles"],
    ...byToken,
    responses: { 200: json(listOf(roleViewSchema), "All of them, by name."), ...problems },
  }),
  async (c) => {
    await callerOf(c, READERS);
    return c.json({ items: await brokerOf(c).call("roles", {}) }, 200);
  },
);

roles.openapi(
  createRoute({
    method: "get",
    path: "/v1/roles/{role}",
    operationId: "getRole",
    summary: "Look at a role",
    description: "Every name is a role: one that was never configured has the defaults.",
    tags: ["roles"],
    ...byToken,
    request: { params: rolePath },
    responses: { 200: json(roleViewSchema, "The role as it is now."), ...problems },
  }),
  async (c) => {
    await callerOf(c, READERS);
    return c.json(await brokerOf(c).call("role", { name: c.req.valid("param").role }), 200);
  },
);

roles.openapi(
  createRoute({
    method: "put",
    path: "/v1/roles/{role}",
    operationId: "putRole",
    summary: "Configure a role, or replace its configuration",
    description: "What is left out has its default.",
    tags: ["roles"],
    ...byToken,
    request: {
      params: rolePath,
      body: jsonBody(rolePolicySchema.meta({ id: "RolePolicy" }), {
        weight: 2,
        guarantee: { cpus: 8, mem: "32GiB" },
        limit: { gpus: 4 },
      }),
    },
    responses: { 200: json(roleViewSchema, "The role as it is now."), ...problems, ...problem409, ...problem413 },
  }),
  async (c) => {
    await callerOf(c, ["admin"]);
    const { role: name } = c.req.valid("param");
    return c.json(await brokerOf(c).call("putRole", { name, policy: policyOf(c.req.valid("json")) }), 200);
  },
);

roles.openapi(
  createRoute({
    method: "delete",
    path: "/v1/roles/{role}",
    operationId: "removeRole",
    summary: "Give a role the defaults again",
    description: "Its jobs and partitions stay its own.",
    tags: ["roles"],
    ...byToken,
    request: { params: rolePath },
    responses: { 200: json(roleViewSchema, "The role, with the defaults."), ...problems, ...problem404 },
  }),
  async (c) => {
    await callerOf(c, ["admin"]);
    return c.json(await brokerOf(c).call("removeRole", { name: c.req.valid("param").role }), 200);
  },
);
