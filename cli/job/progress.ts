/** How a job is going, in one line. */
import { add, formatResources, type Resources } from "../../src/model/resources.ts";
import type { JobView } from "../../src/model/views.ts";
import { commandLine, cut, plural, printable, seconds } from "../show/figures.ts";

/** Enough to know it again. */
const COMMAND_CHARS = 60;

type Counts = JobView["counts"];

const doneOf = (counts: Counts): number => counts.succeeded + counts.failed + counts.cancelled;

const perCluster = (job: JobView, amount: (cluster: JobView["clusters"][string]) => number): string =>
  Object.entries(job.clusters)
    .map(([name, cluster]) => ({ name, n: amount(cluster) }))
    .filter(({ n }) => n > 0)
    .map(({ name, n }) => `${name} ${n}`)
    .join(", ");

/** `job 7k2m…  4 tasks → north 2, south 2  fits now, borrows nothing  echo hi` */
export function headLine(job: JobView): string {
  const places = perCluster(job, (cluster) => cluster.live + cluster.supply);
  const tasks = `${tasksText(job)}${places ? ` → ${places}` : ""}`;
  const command = cut(printable(commandLine(job.command)), COMMAND_CHARS);
  return [`job ${job.id}`, tasks, fitLine(job), command].filter(Boolean).join("  ");
}

/** `4 tasks`, `gang of 8`, `16 tasks in gangs of 8` */
function tasksText({ count, gang }: JobView): string {
  if (gang === null) return plural(count, "task");
  return gang === count ? `gang of ${gang}` : `${plural(count, "task")} in gangs of ${gang}`;
}

/** `fits now, borrows 2 cpus of lab`; empty while none of it may run */
function fitLine({ count, counts, partitions, borrows }: JobView): string {
  const fitting = Object.values(partitions).reduce((sum, { limit }) => sum + limit, 0);
  if (fitting === 0) return "";
  const fits = fitting >= count - doneOf(counts) ? "fits now" : `${fitting} fit${fitting === 1 ? "s" : ""} now`;
  return `${fits}, borrows ${borrowed(borrows)}`;
}

/** `2 cpus of lab, 1 gpus of web`, or `nothing` */
export function borrowed(borrows: JobView["borrows"]): string {
  const byOwner = new Map<string, Resources>();
  for (const { owner, resources } of borrows) byOwner.set(owner, add(byOwner.get(owner) ?? {}, resources));
  return [...byOwner].map(([owner, resources]) => `${formatResources(resources)} of ${owner}`).join(", ") || "nothing";
}

/** `12 of 40 done, 8 running, 20 waiting, 1 failed` */
export function progressLine(count: number, counts: Counts): string {
  const parts = [`${doneOf(counts)} of ${count} done`];
  if (counts.live > 0) parts.push(`${counts.live} running`);
  if (counts.waiting > 0) parts.push(`${counts.waiting} waiting`);
  if (counts.failed > 0) parts.push(`${counts.failed} failed`);
  return parts.join(", ");
}

/** `4 of 4 succeeded in 0.2 s (north 2, south 2)` */
export function summaryLine(job: JobView): string {
  const { succeeded, failed, cancelled } = job.counts;
  const places = perCluster(job, (cluster) => cluster.succeeded + cluster.failed);
  const rest = [failed > 0 && `${failed} failed`, cancelled > 0 && `${cancelled} cancelled`].filter(Boolean);
  const tail = rest.length > 0 ? `, ${rest.join(", ")}` : "";
  const took = job.endedAt === null ? "" : ` in ${seconds(Math.max(0, job.endedAt - job.createdAt))}`;
  return `${succeeded} of ${job.count} succeeded${tail}${took}${places ? ` (${places})` : ""}`;
}

/** Why the rest waits, if it does; to be on the way to a node is no reason to tell. */
export const waitsLine = ({ waits }: Pick<JobView, "waits">): string | null =>
  waits === null || waits.reason === "granting" ? null : `waits: ${waits.detail}`;
