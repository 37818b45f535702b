/**
 * Bundles the Worker, the agent and the CLI into `dist/`. One Worker bundle serves everywhere: wrangler deploys it as
 * it is (`no_bundle`), `hansa serve` gives it to workerd, the tests give it to Miniflare.
 */
import { rm } from "node:fs/promises";
import { build } from "esbuild";

const common = { bundle: true, logLevel: "warning", legalComments: "none", target: "es2024", loader: { ".sql": "text" } } as const;

await rm("dist/worker", { recursive: true, force: true });
await Promise.all([
  build({ ...common, entryPoints: ["src/worker.ts"], outfile: "dist/worker/index.js", format: "esm", platform: "neutral", mainFields: ["module", "main"], conditions: ["workerd", "worker", "import"], external: ["cloudflare:workers"] }),
  build({ ...common, entryPoints: ["agent/main.ts"], outfile: "dist/hansa-agent.cjs", format: "cjs", platform: "node" }),
  build({ ...common, entryPoints: ["cli/main.ts"], outfile: "dist/hansa.mjs", format: "esm", platform: "node", packages: "external" }),
]);
