/** What is open without a token: health, version, the API's description. */
import { createRoute, z } from "@hono/zod-openapi";
import { AGENT_PROTOCOL } from "../protocol/agent.ts";
import { newApi } from "./api.ts";
import { docsPage } from "./docsPage.ts";
import { keysOf } from "./keys.ts";
import { json, problems } from "./schemas.ts";
import { MESOS_VERSION_INFO, VERSION } from "./version.ts";

const versions = z.object({
  hansa: z.string(),
  agentProtocol: z.int(),
  version: z.string().describe("of Mesos, as which frameworks are served"),
  git_tag: z.string(),
  build_user: z.string(),
});
export const VERSIONS: z.infer<typeof versions> = {
  ...MESOS_VERSION_INFO,
  hansa: VERSION,
  agentProtocol: AGENT_PROTOCOL,
};

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
    summary: "Versions of the broker, of the agent protocol, and of Mesos",
    description:
      "The broker's own is `hansa`. The rest is what Mesos says here: its clients ask, also before they send credentials, and decide by `version` what they may use.",
    tags: ["service"],
    security: [],
    responses: { 200: json(versions, "The versions.") },
  }),
  (c) => c.json(VERSIONS, 200),
);

service.get("/docs", (c) => c.html(docsPage));
