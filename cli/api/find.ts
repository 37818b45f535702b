/** Finds a job or a task from what a person typed: a whole id or the beginning of one. */
import { Problem } from "../../src/model/problems.ts";
import type { Client } from "./client.ts";
import { listJobs } from "./endpoints.ts";

/** Length of the ids that the broker makes. */
const ID_CHARS = 10;
const MAX_CANDIDATES = 8;

export async function findJobId(client: Client, typed: string): Promise<string> {
  const prefix = typed.toLowerCase();
  if (!/^[0-9a-z]{1,16}$/.test(prefix)) {
    throw new Problem("invalid-request", `"${typed}" is not a job id. List the jobs: hansa ps`);
  }
  if (prefix.length === ID_CHARS) return prefix;
  const { items, next } = await listJobs(client, { prefix, limit: MAX_CANDIDATES });
  const [first, second] = items;
  if (!first) throw new Problem("not-found", `no job's id begins with "${typed}". List the jobs: hansa ps`);
  if (!second) return first.id;
  const candidates = items.map((job) => `  ${job.id}  ${job.name || job.state}`).join("\n");
  throw new Problem(
    "invalid-request",
    `"${typed}" is the beginning of several job ids:\n${candidates}${next === null ? "" : "\n  …"}`,
  );
}

export type Target = { job: string; task: null } | { job: string; task: string };

/** `JOB` or `JOB.INDEX`. */
export async function findTarget(client: Client, typed: string): Promise<Target> {
  const [, prefix = typed, index] = /^([^.]*)\.(\d{1,7})$/.exec(typed) ?? [];
  const job = await findJobId(client, prefix);
  return index === undefined ? { job, task: null } : { job, task: `${job}.${Number(index)}` };
}
