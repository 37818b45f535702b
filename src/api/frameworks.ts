/** `/v1/frameworks`: external schedulers that are offered resources, and what they have of the league. */
import { createRoute } from "@hono/zod-openapi";
import { isWithin } from "../model/role.ts";
import { frameworkRowSchema } from "../model/views.ts";
import { newApi } from "./api.ts";
import { callerOf, READERS } from "./auth.ts";
import { brokerOf } from "./objects.ts";
import { byToken, json, listOf, problems } from "./schemas.ts";

export const frameworks = newApi();

frameworks.openapi(
  createRoute({
    method: "get",
    path: "/v1/frameworks",
    operationId: "listFrameworks",
    summary: "List frameworks",
    description:
      "Schedulers that are connected over the Mesos API, or will come back, and what their tasks use and their offers hold in each cluster. A member sees those with a role within its own.",
    tags: ["frameworks"],
    ...byToken,
    responses: { 200: json(listOf(frameworkRowSchema), "All of them, by id."), ...problems },
  }),
  async (c) => {
    const { scope, role } = await callerOf(c, READERS);
    const all = await brokerOf(c).call("frameworks", {});
    const seen = all.filter(
      ({ roles }) => scope !== "member" || role === null || roles.some((one) => isWithin(one.role, role)),
    );
    return c.json({ items: seen.sort((a, b) => (a.id < b.id ? -1 : 1)) }, 200);
  },
);
