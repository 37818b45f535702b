/** Compiles the agent into an executable. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { bunBinary, runtimeFor, TARGETS } from "./bun.ts";

/** Where `build:agent` puts what it makes for `target`. */
export const executableOf = (target: string): string =>
  join("dist", `hansa-agent-${target}${target.startsWith("windows") ? ".exe" : ""}`);

/** Neither `.env` nor `bunfig.toml` of the folder that it is started in may change what an agent does. */
const DEAF = ["--no-compile-autoload-dotenv", "--no-compile-autoload-bunfig"];
/** Names stay, so that stack traces can be read. */
const SMALL = ["--minify-whitespace", "--minify-syntax"];
/** Half of the time to the first poll: nothing is compiled at a start, and what is imported on demand is loaded then. */
const COMPILED = ["--bytecode", "--format=cjs"];

export async function buildExecutable(target: string, outfile = executableOf(target)): Promise<string> {
  const runtime = ["--compile", `--compile-executable-path=${await runtimeFor(target)}`];
  const platform = `--target=bun-${TARGETS[target]}`;
  const words = ["build", ...runtime, platform, ...DEAF, ...SMALL, ...COMPILED, "agent/main.ts", "--outfile", outfile];
  await promisify(execFile)(bunBinary(), words);
  return outfile;
}
