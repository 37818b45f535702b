/** The API's description, made of the very routes and schemas that serve it. */
import type { Api } from "./api.ts";
import { VERSION } from "./version.ts";

const TAGS = [
  { name: "jobs", description: "What shall run." },
  { name: "tasks", description: "Single tasks, their attempts and output." },
  { name: "clusters", description: "Who takes part." },
  { name: "nodes", description: "The machines of a cluster." },
  { name: "partitions", description: "Named shares of a cluster: who owns them, what they lend." },
  { name: "roles", description: "Who resources are shared among." },
  { name: "frameworks", description: "External schedulers that are offered resources." },
  { name: "league", description: "What the league aims at." },
  { name: "ledger", description: "Who lent what to whom." },
  { name: "tokens", description: "Who may do what." },
  { name: "events", description: "What happened." },
  { name: "agents", description: "What the program on a node calls." },
  { name: "service", description: "Health, version, figures." },
];

export function addOpenApi(api: Api): void {
  api.openAPIRegistry.registerComponent("securitySchemes", "token", {
    type: "http",
    scheme: "bearer",
    bearerFormat: "hns_<scope>_<league>_<id>_<secret>",
    description: "A token of the league; its scope says what it may do.",
  });
  api.openAPIRegistry.registerComponent("securitySchemes", "credential", {
    type: "http",
    scheme: "bearer",
    bearerFormat: "hnc_<claims>_<mac>",
    description: "A node's credential, from its join and renewed in answers to its polls.",
  });
  let text: string | null = null;
  api.get("/openapi.json", (c) => {
    text ??= JSON.stringify(describe(api));
    return c.body(text, 200, { "content-type": "application/json" });
  });
}

const describe = (api: Api) =>
  api.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Hansa",
      version: VERSION,
      description:
        "Pools many clusters into one league. Requests and answers are JSON; errors are problem details (RFC 9457) with a stable `code`.",
      license: { name: "Apache-2.0", url: "https://www.apache.org/licenses/LICENSE-2.0" },
    },
    tags: TAGS,
  });
