/** What every measurement has in common: its one line of JSON on stdout, progress on stderr, percentiles. */
import { execFileSync } from "node:child_process";
import { closeSync, fsyncSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";

const packageSchema = z.object({ version: z.string() });
const FSYNC_BYTES = 4096;
const FSYNC_SAMPLES = 200;

export const progress = (text: string): void => void process.stderr.write(`${text}\n`);

const versionIn = (path: string): string => packageSchema.parse(JSON.parse(readFileSync(path, "utf8"))).version;

/** null outside of a repository */
function commit(): string | null {
  try {
    const git = (...words: string[]) =>
      execFileSync("git", words, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    const changed = git("status", "--porcelain").trim() !== "";
    return git("rev-parse", "--short", "HEAD").trim() + (changed ? "+changes" : "");
  } catch {
    return null;
  }
}

export type Figures = Record<string, number | string | boolean | Record<string, number>>;

/** Prints the line. @param figures what was measured; what was not is left out by the caller */
export function printLine(bench: string, seed: number, startedAtMs: number, figures: Figures): void {
  const at = commit();
  const workerd = versionIn(createRequire(import.meta.url).resolve("workerd/package.json"));
  const line = {
    bench,
    version: versionIn("package.json"),
    ...(at !== null && { commit: at }),
    runtime: `workerd ${workerd}, node ${process.versions.node}`,
    cpus: availableParallelism(),
    seed,
    wall_s: rounded((performance.now() - startedAtMs) / 1000),
    ...figures,
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** Three significant places after the point are more than any of these is worth. */
export const rounded = (value: number): number => Math.round(value * 1000) / 1000;

/** By the nearest rank. @param samples not empty */
export function percentile(samples: readonly number[], part: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const rank = Math.max(1, Math.ceil(part * sorted.length));
  return sorted[rank - 1] ?? Number.NaN;
}

export const spread = (samples: readonly number[]): { p50: number; p99: number; n: number } => ({
  p50: rounded(percentile(samples, 0.5)),
  p99: rounded(percentile(samples, 0.99)),
  n: samples.length,
});

/** How long the disk below takes to keep 4 KiB: the floor of every commit and every journal line. */
export function fsyncMsP50(folder: string): number {
  const path = join(folder, "fsync-probe");
  const file = openSync(path, "w");
  const block = Buffer.alloc(FSYNC_BYTES);
  const samples = Array.from({ length: FSYNC_SAMPLES }, () => {
    const startedAt = performance.now();
    writeSync(file, block);
    fsyncSync(file);
    return performance.now() - startedAt;
  });
  closeSync(file);
  rmSync(path);
  return rounded(percentile(samples, 0.5));
}

/** `--name NUMBER` for each name. @param texts options that `textOption` reads */
export function numbers<Name extends string>(
  defaults: Record<Name, number>,
  texts: readonly string[] = [],
): Record<Name, number> {
  const names = [...Object.keys(defaults), ...texts];
  const { values } = parseArgs({
    options: Object.fromEntries(names.map((name) => [name, { type: "string" as const }])),
  });
  const given = Object.entries(values).flatMap(([name, text]) => {
    if (texts.includes(name)) return [];
    const number = Number(text);
    if (!Number.isSafeInteger(number) || number < 0) throw new Error(`--${name} wants a whole number, not "${text}"`);
    return [[name, number]];
  });
  return { ...defaults, ...Object.fromEntries(given) };
}

/** `--name TEXT`; null: not given */
export function textOption(name: string): string | null {
  const { values } = parseArgs({ strict: false, options: { [name]: { type: "string" } } });
  const text = values[name];
  return typeof text === "string" ? text : null;
}
