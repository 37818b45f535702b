/**
 * `node scripts/bundled.ts ENTRY [words]`: bundles a program that uses the objects, which read `.sql` files as text, and
 * runs it.
 */
import { spawnSync } from "node:child_process";
import { basename, dirname } from "node:path";
import { build } from "esbuild";

const [entry = "", ...words] = process.argv.slice(2);
const name = basename(entry, ".ts") === "main" ? basename(dirname(entry)) : basename(entry, ".ts");
const outfile = `dist/${name}.mjs`;
await build({
  entryPoints: [entry],
  outfile,
  bundle: true,
  format: "esm",
  platform: "node",
  packages: "external",
  target: "es2024",
  loader: { ".sql": "text" },
  logLevel: "warning",
});
const { status } = spawnSync(process.execPath, ["--no-warnings", outfile, ...words], { stdio: "inherit" });
process.exit(status ?? 1);
