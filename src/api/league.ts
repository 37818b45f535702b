/** `/v1/league`: what the league's rounds aim at, how long past use counts, how things are taken back. */
import { createRoute } from "@hono/zod-openapi";
import { leagueRequestSchema, settingsOf } from "../model/leagueRequest.ts";
import { leagueViewSchema } from "../model/views.ts";
import { newApi } from "./api.ts";
import { callerOf, READERS } from "./auth.ts";
import { brokerOf } from "./objects.ts";
import { byToken, json, jsonBody, problem413, problems } from "./schemas.ts";

export const league = newApi();

league.openapi(
  createRoute({
    method: "get",
    path: "/v1/league",
    operationId: "getLeague",
    summary: "Look at the league's settings",
    tags: ["league"],
    ...byToken,
    responses: { 200: json(leagueViewSchema, "The settings."), ...problems },
  }),
  async (c) => {
    await callerOf(c, READERS);
    return c.json(await brokerOf(c).call("league", {}), 200);
  },
);

league.openapi(
  createRoute({
    method: "patch",
    path: "/v1/league",
    operationId: "changeLeague",
    summary: "Change the league's settings",
    description: "What is left out stays as it is.",
    tags: ["league"],
    ...byToken,
    request: {
      body: jsonBody(leagueRequestSchema.meta({ id: "LeagueRequest" }), {
        objective: "completion-time",
        historyHalfLife: "1h",
        historyWeight: 0.25,
        entryPenalty: "10s",
        grace: "1m",
        minRun: "1m",
      }),
    },
    responses: { 200: json(leagueViewSchema, "The settings as they are now."), ...problems, ...problem413 },
  }),
  async (c) => {
    await callerOf(c, ["admin"]);
    return c.json(await brokerOf(c).call("changeLeague", settingsOf(c.req.valid("json"))), 200);
  },
);
