/** `/install` and `/agent.cjs`: a machine becomes a node with one line. Open: neither holds anything secret. */
import { createRoute, z } from "@hono/zod-openapi";
import agentBytes from "hansa/agent-bytes";
import agentSha256 from "hansa/agent-sha256";
import { newApi } from "./api.ts";
import template from "./install.sh";
import { agentUrlOf, installScript, originOf } from "./installScript.ts";
import { problems } from "./schemas.ts";

export const install = newApi();

install.openapi(
  createRoute({
    method: "get",
    path: "/install",
    operationId: "installScript",
    summary: "A shell script that makes a machine a node",
    description:
      "For `curl -fsSL BROKER/install | sh -s -- --token TOKEN`. It takes a compiled agent from the deployment's AGENT_URL, or else `/agent.cjs`, and checks its sha256.",
    tags: ["agents"],
    security: [],
    responses: {
      200: { description: "The script.", content: { "text/x-shellscript": { schema: z.string() } } },
      503: problems[503],
    },
  }),
  (c) => {
    const script = installScript(template, {
      broker: originOf(c.req.url, c.req.header("x-forwarded-proto")),
      agentUrl: agentUrlOf(c.env.AGENT_URL),
      bundleSha256: agentSha256,
    });
    return c.body(script, 200, { "content-type": "text/x-shellscript; charset=utf-8", "cache-control": "no-store" });
  },
);

install.openapi(
  createRoute({
    method: "get",
    path: "/agent.cjs",
    operationId: "agentBundle",
    summary: "The agent of this broker's version, for Node 22 or later",
    tags: ["agents"],
    security: [],
    responses: {
      200: {
        description: "The bundle; its sha256 is its ETag.",
        content: { "text/javascript": { schema: z.string().openapi({ format: "binary" }) } },
      },
      304: { description: "It is the one that was named." },
    },
  }),
  (c) => {
    const headers = { etag: `"${agentSha256}"`, "cache-control": "public, max-age=0, must-revalidate" };
    if (c.req.header("if-none-match") === headers.etag) return c.body(null, 304, headers);
    return c.body(agentBytes, 200, { ...headers, "content-type": "text/javascript; charset=utf-8" });
  },
);
