/** A job spec from the options of `hansa run`. The broker checks amounts, times and names; here is only what must be read first. */
import type { DriverName } from "../../src/model/driver.ts";
import type { JobSpecInput } from "../../src/model/job.ts";
import { Problem } from "../../src/model/problems.ts";

export interface RunOptions {
  count?: number;
  each?: string;
  name?: string;
  role?: string;
  cpus?: string;
  mem?: string;
  resources?: string;
  clusters?: string;
  constraint?: string[];
  /** true: all of them */
  gang?: number | true;
  retry?: number;
  timeout?: string;
  env?: string[];
  cwd?: string;
  /** the broker says which there are */
  driver?: DriverName;
  image?: string;
}

const usage = (detail: string) => new Problem("invalid-request", detail);

export const listOf = (text: string): string[] =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean);

/** `KEY=VALUE` words. @param option for the message */
export function pairs(words: readonly string[], option: string): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf("=");
      if (at < 1) throw usage(`${option} wants NAME=VALUE, not "${word}"`);
      return [word.slice(0, at), word.slice(at + 1)];
    }),
  );
}

/** One item per line; empty lines are none. */
export const itemsOf = (text: string): string[] =>
  text
    .split("\n")
    .map((line) => (line.endsWith("\r") ? line.slice(0, -1) : line))
    .filter((line) => line !== "");

export function eachItems(text: string, source: string): string[] {
  const items = itemsOf(text);
  if (items.length === 0) throw usage(`${source === "-" ? "standard input" : source} has no line, so there is no task`);
  return items;
}

/**
 * @param words what follows `--`: one word is a line for `sh -c`, several are run as they are
 * @param items the lines that `--each` named, already read
 */
export function specOf(words: readonly string[], options: RunOptions, items: string[] | null): JobSpecInput {
  const [first, ...others] = words;
  if (first === undefined) {
    throw usage("no command is given. Write it after --, e.g. hansa run -- 'echo hi from $HANSA_NODE'");
  }
  const { count, name, role, cpus, mem, clusters, constraint, gang, retry, timeout, env, cwd, image } = options;
  // an image says how it is run
  const driver = options.driver ?? (image === undefined ? undefined : "docker");
  const resources = {
    ...pairs(listOf(options.resources ?? ""), "--resources"),
    ...(cpus !== undefined && { cpus }),
    ...(mem !== undefined && { mem }),
  };
  return {
    command: others.length === 0 ? first : [...words],
    ...(name !== undefined && { name }),
    ...(count !== undefined && { count }),
    ...(items && { each: items }),
    ...(Object.keys(resources).length > 0 && { resources }),
    ...(clusters !== undefined && { clusters: listOf(clusters) }),
    ...(constraint && { constraints: constraint }),
    ...(gang !== undefined && { gang: gang === true ? gang : { size: gang } }),
    ...(role !== undefined && { role }),
    ...(driver !== undefined && { driver }),
    ...(image !== undefined && { image }),
    ...(retry !== undefined && { retry: { max: retry } }),
    ...(timeout !== undefined && { timeout }),
    ...(env && { env: pairs(env, "--env") }),
    ...(cwd !== undefined && { cwd }),
  };
}
