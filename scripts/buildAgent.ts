/**
 * `npm run build:agent [TARGET…]`: the agent as one executable for each platform, as a bundle for any Node, and their
 * checksums in `dist/SHA256SUMS`. A target that can't be made is named, and the others are made all the same.
 */
import { createHash } from "node:crypto";
import { createReadStream, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { buildAgentBundle } from "./build.ts";
import { saidBy, TARGETS } from "./bun.ts";
import { buildExecutable } from "./executable.ts";

const DIST = "dist";
const NODE = "node";
const SUMS = join(DIST, "SHA256SUMS");
const MIB = 1024 * 1024;

async function make(target: string): Promise<string> {
  if (target !== NODE) return buildExecutable(target);
  const bundle = join(DIST, "hansa-agent.cjs");
  await buildAgentBundle(bundle);
  return bundle;
}

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

/** The lines of files that were not made now, but are there still, stand. */
async function writeSums(made: readonly string[]): Promise<void> {
  const sums = new Map<string, string>();
  for (const line of existsSync(SUMS) ? readFileSync(SUMS, "utf8").trim().split("\n") : []) {
    const [sum = "", name = ""] = line.split("  ");
    if (readdirSync(DIST).includes(name)) sums.set(name, sum);
  }
  for (const path of made) sums.set(path.slice(DIST.length + 1), await sha256(path));
  const lines = [...sums].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, sum]) => `${sum}  ${name}\n`);
  writeFileSync(SUMS, lines.join(""));
}

if (import.meta.main) {
  const known = [NODE, ...Object.keys(TARGETS)];
  const named = process.argv.slice(2);
  const wrong = named.filter((target) => !known.includes(target));
  if (wrong.length > 0) throw new Error(`no target ${wrong.join(", ")}; there are ${known.join(", ")}`);
  const made: string[] = [];
  for (const target of named.length > 0 ? named : known) {
    const startedAtMs = performance.now();
    try {
      const path = await make(target);
      made.push(path);
      const size = (statSync(path).size / MIB).toFixed(1);
      console.log(
        `${path.padEnd(34)} ${size.padStart(6)} MiB ${((performance.now() - startedAtMs) / 1000).toFixed(1).padStart(6)} s`,
      );
    } catch (error) {
      console.error(`${target}: ${saidBy(error)}`);
      process.exitCode = 1;
    }
  }
  await writeSums(made);
}
