/**
 * Bundles the Worker, the agent and the CLI into `dist/`: all, or those that are named. One Worker bundle serves
 * everywhere: wrangler deploys it as it is (`no_bundle`), `hansa serve` gives it to workerd, the tests to Miniflare.
 * Beside it lies the solver's WebAssembly, which it imports as a module.
 */
import { readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { type BuildOptions, build } from "esbuild";
import { copyWasm, highsPlugin } from "./highs.ts";

const { version } = JSON.parse(readFileSync("package.json", "utf8"));

const common: BuildOptions = {
  bundle: true,
  logLevel: "warning",
  legalComments: "none",
  target: "es2024",
  loader: { ".sql": "text" },
  define: { HANSA_VERSION: JSON.stringify(version) },
};

/** Also of the tests, which bundle other entries. */
export const WORKER: BuildOptions = {
  ...common,
  format: "esm",
  platform: "neutral",
  mainFields: ["module", "main"],
  conditions: ["workerd", "worker", "import"],
  external: ["cloudflare:workers"],
  plugins: [highsPlugin],
  // A third of the bytes to load at a cold start; names stay, so that stack traces can be read.
  minifyWhitespace: true,
  minifySyntax: true,
};

const bundles: Record<string, () => Promise<unknown>> = {
  worker: async () => {
    await rm("dist/worker", { recursive: true, force: true });
    await build({ ...WORKER, entryPoints: ["src/worker.ts"], outfile: "dist/worker/index.js" });
    await copyWasm("dist/worker");
  },
  agent: () =>
    build({
      ...common,
      entryPoints: ["agent/main.ts"],
      outfile: "dist/hansa-agent.cjs",
      format: "cjs",
      platform: "node",
    }),
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
