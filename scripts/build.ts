/**
 * Bundles the Worker, the agent and the CLI into `dist/`: all, or those that are named. One Worker bundle serves
 * everywhere: wrangler deploys it as it is (`no_bundle`), `hansa serve` gives it to workerd, the tests to Miniflare.
 * Beside it lie the solver's WebAssembly and the agent's bundle, which it imports as modules.
 */
import { readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { type BuildOptions, build } from "esbuild";
import { agentModule } from "./agentModule.ts";
import { copyWasm, highsPlugin } from "./highs.ts";

const { version } = JSON.parse(readFileSync("package.json", "utf8"));

const common: BuildOptions = {
  bundle: true,
  logLevel: "warning",
  legalComments: "none",
  target: "es2024",
  loader: { ".sql": "text", ".sh": "text" },
  define: { HANSA_VERSION: JSON.stringify(version) },
};

const AGENT: BuildOptions = {
  ...common,
  entryPoints: ["agent/main.ts"],
  format: "cjs",
  platform: "node",
};

/** The agent as the Worker carries it. */
export const AGENT_IN_WORKER = agentModule(AGENT);

/** Also of the tests, which bundle other entries. */
export const WORKER: BuildOptions = {
  ...common,
  format: "esm",
  platform: "neutral",
  mainFields: ["module", "main"],
  conditions: ["workerd", "worker", "import"],
  external: ["cloudflare:workers"],
  plugins: [highsPlugin, AGENT_IN_WORKER.plugin],
  // A third of the bytes to load at a cold start; names stay, so that stack traces can be read.
  minifyWhitespace: true,
  minifySyntax: true,
};

/** For any Node; where requests go by node:http. */
export const buildAgentBundle = (outfile: string): Promise<unknown> => build({ ...AGENT, outfile });

const bundles: Record<string, () => Promise<unknown>> = {
  worker: async () => {
    await rm("dist/worker", { recursive: true, force: true });
    await build({ ...WORKER, entryPoints: ["src/worker.ts"], outfile: "dist/worker/index.js" });
    await copyWasm("dist/worker");
    await AGENT_IN_WORKER.write("dist/worker");
  },
  agent: () => buildAgentBundle("dist/hansa-agent.cjs"),
  cli: () =>
    build({
      ...common,
      entryPoints: ["cli/main.ts"],
      outfile: "dist/hansa.mjs",
      format: "esm",
      platform: "node",
      packages: "external",
    }),
};

if (import.meta.main) {
  const named = process.argv.slice(2);
  await Promise.all((named.length > 0 ? named : Object.keys(bundles)).map(makeBundle));
}

function makeBundle(name: string): Promise<unknown> {
  const make = bundles[name];
  if (!make) throw new Error(`no bundle ${name}; there are ${Object.keys(bundles).join(", ")}`);
  return make();
}
