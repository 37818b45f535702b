/** Where Bun is, and its runtimes for other platforms: packages of the registry that npm is set to. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const require = createRequire(import.meta.url);
/** Smaller is no program of Bun's. */
const PROGRAM_BYTES = 1024 * 1024;
const CACHE = "node_modules/.cache/bun";

/** What the executables are made for, by the names of Bun's packages. */
export const TARGETS: Readonly<Record<string, string>> = {
  "linux-x64": "linux-x64",
  "linux-x64-musl": "linux-x64-musl",
  "linux-arm64": "linux-aarch64",
  "windows-x64": "windows-x64",
  "darwin-arm64": "darwin-aarch64",
};

const version = (): string => JSON.parse(readFileSync(require.resolve("bun/package.json"), "utf8")).version;
const binaryIn = (folder: string): string => join(folder, "bin", folder.includes("windows") ? "bun.exe" : "bun");

/** Bun's names for the machine that this runs on. */
function hostPackage(): string {
  const os = process.platform === "win32" ? "windows" : process.platform;
  const cpu = process.arch === "arm64" ? "aarch64" : process.arch;
  const { glibcVersionRuntime } = (process.report.getReport() as unknown as { header: Record<string, string> }).header;
  return `@oven/bun-${os}-${cpu}${os === "linux" && !glibcVersionRuntime ? "-musl" : ""}`;
}

/** The target that runs on this machine. @throws when there is none */
export function hostTarget(): string {
  const found = Object.keys(TARGETS).find((target) => `@oven/bun-${TARGETS[target]}` === hostPackage());
  if (found === undefined) throw new Error(`no executable is made for ${process.platform} on ${process.arch}`);
  return found;
}

/**
 * The one that npm installed: in the package of this platform, or in `bun` itself, whose install script, where it may
 * run, moves it there. Without that `bun` holds only a few words.
 */
export function bunBinary(): string {
  const name = hostPackage();
  const places = [
    () => binaryIn(join(require.resolve(`${name}/package.json`), "..")),
    () => join(require.resolve("bun/package.json"), "..", "bin", "bun.exe"),
  ];
  for (const place of places) {
    try {
      const path = place();
      if (statSync(path).size > PROGRAM_BYTES) return path;
    } catch {
      // not there
    }
  }
  throw new Error(`${name} is not installed: npm ci`);
}

/** What a command that failed said itself. */
export const saidBy = (error: unknown): string =>
  (error as { stderr?: string }).stderr?.trim() || (error instanceof Error ? error.message : String(error));

/**
 * The runtime that an executable for `target` is made of. Bun would fetch it by itself, but from one fixed address,
 * whatever npm is set to.
 *
 * @throws naming the package when it can't be fetched
 */
export async function runtimeFor(target: string): Promise<string> {
  const name = `@oven/bun-${TARGETS[target]}`;
  if (name === hostPackage()) return bunBinary();
  const kept = join(CACHE, `${version()}-${target}`);
  if (!existsSync(kept)) await fetchPackage(`${name}@${version()}`, kept);
  return binaryIn(kept);
}

async function fetchPackage(what: string, folder: string): Promise<void> {
  mkdirSync(CACHE, { recursive: true });
  const work = mkdtempSync(join(CACHE, "fetching-"));
  try {
    const { stdout } = await run("npm", ["pack", what, "--loglevel", "error", "--pack-destination", work]);
    await run("tar", ["-xzf", join(work, stdout.trim()), "-C", work]);
    renameSync(join(work, "package"), folder);
  } catch (error) {
    const reason = saidBy(error)
      .split("\n")
      .find((line) => !/^npm error (code|errno|syscall)\b/.test(line));
    throw new Error(`${what} can't be fetched: ${reason}`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
