/** Where the parts of Hansa are that this command starts: the same from a checkout and from `dist/`. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Problem } from "../src/model/problems.ts";

const here = dirname(fileURLToPath(import.meta.url));
/** `cli/` and `dist/` stand side by side in the package. */
export const PACKAGE_ROOT = dirname(here);

function built(path: string): string {
  const whole = join(PACKAGE_ROOT, "dist", path);
  if (existsSync(whole)) return whole;
  throw new Problem("invalid-request", `${whole} is not there. Build it first: npm run build`);
}

export const workerBundle = (): string => built("worker/index.js");
export const solverWasm = (): string => built("worker/highs.wasm");
/** The agent as the Worker carries it. */
export const agentModule = (): string => built("worker/agent.bin");
export const agentBundle = (): string => built("hansa-agent.cjs");

/** The workerd binary of the npm package. */
export function workerdBinary(): string {
  try {
    const workerd: unknown = createRequire(import.meta.url)("workerd");
    if (
      typeof workerd === "object" &&
      workerd !== null &&
      "default" in workerd &&
      typeof workerd.default === "string"
    ) {
      return workerd.default;
    }
  } catch {
    // told below, with what to do
  }
  throw new Problem("invalid-request", "the workerd package is not installed for this platform. Install it: npm ci");
}

/** How this command is called, for hints. */
export const selfName = (scriptPath: string | undefined): string =>
  scriptPath?.endsWith(".ts") ? "npm run -s hansa --" : "hansa";
