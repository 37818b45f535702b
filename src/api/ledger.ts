/** `/v1/ledger`: who used what of whom. */
import { createRoute } from "@hono/zod-openapi";
import { ledgerViewSchema } from "../model/views.ts";
import { newApi } from "./api.ts";
import { callerOf, READERS } from "./auth.ts";
import { brokerOf } from "./objects.ts";
import { byToken, json, problems } from "./schemas.ts";

export const ledger = newApi();

ledger.openapi(
  createRoute({
    method: "get",
    path: "/v1/ledger",
    operationId: "getLedger",
    summary: "Who used what of whom",
    description: "Since the league began, as far as the clusters have reported. Lent and borrowed are always the same.",
    tags: ["ledger"],
    ...byToken,
    responses: { 200: json(ledgerViewSchema, "All entries, and each role's sums."), ...problems },
  }),
  async (c) => {
    await callerOf(c, READERS);
    return c.json(await brokerOf(c).call("ledger", {}), 200);
  },
);
