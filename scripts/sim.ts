/** `npm run sim`: bundles the simulator (its objects read `.sql` files as text) and runs it. */
import { spawnSync } from "node:child_process";
import { build } from "esbuild";

await build({
  entryPoints: ["test/sim/main.ts"],
  outfile: "dist/sim.mjs",
  bundle: true,
  format: "esm",
  platform: "node",
  packages: "external",
  target: "es2024",
  loader: { ".sql": "text" },
  logLevel: "warning",
});
const { status } = spawnSync(process.execPath, ["--no-warnings", "dist/sim.mjs", ...process.argv.slice(2)], {
  stdio: "inherit",
});
process.exit(status ?? 1);
