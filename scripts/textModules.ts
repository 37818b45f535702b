/**
 * Lets plain Node import what the bundle imports: `.sql` as text and `.json` without attributes.
 * Used as `node --import ./scripts/textModules.ts FILE`.
 */
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";

registerHooks({
  load(url, context, nextLoad) {
    const text = () => readFileSync(fileURLToPath(url), "utf8");
    if (url.endsWith(".sql")) return asModule(JSON.stringify(text()));
    if (url.endsWith(".json") && context.importAttributes?.type === undefined) return asModule(text());
    return nextLoad(url, context);
  },
});

const asModule = (value: string) => ({
  format: "module" as const,
  source: `export default ${value};`,
  shortCircuit: true,
});
