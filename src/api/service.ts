/** What is open without a token: health, version, the API's description. */
import { createRoute, z } from "@hono/zod-openapi";
import { AGENT_PROTOCOL } from "../protocol/agent.ts";
import { newApi } from "./api.ts";
import { docsPage } from "./docsPage.ts";
import { keysOf } from "./keys.ts";
import { json, problems } from "./schemas.ts";
import { VERSION } from "./version.ts";

const versions = z.object({
  version: z.string(),
  agentProtocol: z.int(),
  hansa: z.string().optional().describe("only told to Mesos clients"),
});

export const service = newApi();

service.openapi(
  createRoute({
    method: "get",
    path: "/healthz",
    operationId: "health",
    summary: "Whether the Worker answers",
    description: "Asks no object: it may be called every second.",
    tags: ["service"],
    security: [],
    responses: { 200: json(z.object({ ok: z.literal(true) }), "It answers and has its secret."), 503: problems[503] },
  }),
  async (c) => {
    await keysOf(c.env);
    return c.json({ ok: true } as const, 200);
  },
);

service.openapi(
  createRoute({
    method: "get",
    path: "/version",
    operationId: "version",
    summary: "Versions of the broker and of the agent protocol",
    description:
      "A Mesos client (HTTP Basic credentials, or none where HANSA_MESOS binds the deployment) is told the version of Mesos that it is served as, and the broker's in `hansa`.",
    tags: ["service"],
    security: [],
    responses: { 200: json(versions, "The versions.") },
  }),
  (c) => c.json({ version: VERSION, agentProtocol: AGENT_PROTOCOL }, 200),
);

service.get("/docs", (c) => c.html(docsPage));
