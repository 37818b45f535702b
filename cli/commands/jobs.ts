/** `hansa ps`, `explain` and `cancel`. */
import type { Command } from "commander";
import { isTerminal } from "../../src/model/states.ts";
import type { JobView, TaskView } from "../../src/model/views.ts";
import { cancelJob, explainJob, getJob, listJobs, tasksOf } from "../api/endpoints.ts";
import { findJobId } from "../api/find.ts";
import { type AccessOptions, type App, does, sessionOf, wholeNumber, withAccess } from "../app.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import { explainLines } from "../job/explain.ts";
import { endLine, placeOf } from "../job/output.ts";
import { progressLine, summaryLine, waitsLine } from "../job/progress.ts";
import { printJson, type Session } from "../session.ts";
import { age, commandLine, plural, seconds } from "../show/figures.ts";
import { type Column, table } from "../show/table.ts";

const DEFAULT_LIMIT = 20;

export function addPs(program: Command, app: App): void {
  const command = program
    .command("ps")
    .description("list the jobs, newest first, or the tasks of one")
    .argument("[job]", "a job's id, or the beginning of it")
    .option("-s, --state <state>", "only those in this state")
    .option("-l, --limit <n>", "at most so many", wholeNumber);
  does(app, withAccess(command), async (typed: string | undefined, options: PsOptions) => {
    const session = sessionOf(app, options);
    return typed === undefined ? psJobs(session, options) : psTasks(session, typed, options);
  });
}

interface PsOptions extends AccessOptions {
  state?: string;
  limit?: number;
}

async function psJobs({ client, terminal, json, self }: Session, options: PsOptions): Promise<ExitCode> {
  const limit = options.limit ?? DEFAULT_LIMIT;
  const { items, next } = await listJobs(client, {
    limit,
    ...(options.state !== undefined && { state: options.state }),
  });
  if (json) printJson(terminal, items);
  else if (items.length === 0) terminal.note(`no jobs. Run one: ${self} run -- 'echo hi from $HANSA_NODE'`);
  else {
    for (const line of table(items, jobColumns(Date.now()), terminal.columns)) terminal.out(line);
    if (next !== null) terminal.note(`there are more: ${self} ps --limit ${limit * 5}`);
  }
  return EXIT.ok;
}

const jobColumns = (now: number): Column<JobView>[] => [
  { title: "JOB", cell: (job) => job.id },
  { title: "NAME", cell: (job) => job.name },
  { title: "STATE", cell: (job) => job.state },
  {
    title: "DONE",
    cell: (job) => `${job.counts.succeeded + job.counts.failed + job.counts.cancelled}/${job.count}`,
    align: "right",
  },
  { title: "FAILED", cell: (job) => String(job.counts.failed), align: "right" },
  { title: "LIVE", cell: (job) => String(job.counts.live), align: "right" },
  { title: "CLUSTERS", cell: (job) => Object.keys(job.clusters).join(",") },
  { title: "AGE", cell: (job) => age(now - job.createdAt), align: "right" },
  { title: "COMMAND", cell: (job) => commandLine(job.command) },
];

async function psTasks(
  { client, terminal, json, self }: Session,
  typed: string,
  options: PsOptions,
): Promise<ExitCode> {
  const job = await getJob(client, await findJobId(client, typed));
  const limit = options.limit ?? Number.POSITIVE_INFINITY;
  const tasks: TaskView[] = [];
  for await (const page of tasksOf(client, job.id)) {
    tasks.push(...page.filter((task) => options.state === undefined || task.state === options.state));
    if (tasks.length >= limit) break;
  }
  const shown = tasks.slice(0, limit);
  if (json) {
    printJson(terminal, { job, tasks: shown });
    return EXIT.ok;
  }
  terminal.out(
    `job ${job.id}  ${job.state}  ${isTerminal(job.state) ? summaryLine(job) : progressLine(job.count, job.counts)}`,
  );
  const waits = waitsLine(job);
  if (waits) terminal.out(`${waits} (more: ${self} explain ${job.id})`);
  if (shown.length > 0) for (const line of table(shown, taskColumns, terminal.columns)) terminal.out(line);
  return EXIT.ok;
}

const taskColumns: Column<TaskView>[] = [
  { title: "TASK", cell: (task) => task.id },
  { title: "NODE", cell: placeOf },
  { title: "STATE", cell: (task) => task.state },
  { title: "TRIES", cell: (task) => String(task.attempts.length), align: "right" },
  { title: "TOOK", cell: ranFor, align: "right" },
  { title: "ITEM", cell: (task) => task.item ?? "" },
  { title: "END", cell: (task) => (isTerminal(task.state) ? (endLine(task) ?? "") : "") },
];

function ranFor(task: TaskView): string {
  const ranMs = task.attempts.at(-1)?.ranMs;
  if (ranMs === null || ranMs === undefined) return "";
  return ranMs < 1000 ? `${Math.round(ranMs)} ms` : seconds(ranMs);
}

export function addExplain(program: Command, app: App): void {
  const command = program
    .command("explain")
    .description("say why a job waits, what would let it start, and about when it will")
    .argument("<job>", "a job's id, or the beginning of it");
  does(app, withAccess(command), async (typed: string, options: AccessOptions) => {
    const { client, terminal, json, self } = sessionOf(app, options);
    const explained = await explainJob(client, await findJobId(client, typed));
    if (json) printJson(terminal, explained);
    else for (const line of explainLines(explained, self)) terminal.out(line);
    return EXIT.ok;
  });
}

export function addCancel(program: Command, app: App): void {
  const command = program
    .command("cancel")
    .description("cancel jobs: nothing new starts, what runs is stopped")
    .argument("<job...>", "ids, or the beginnings of them");
  does(app, withAccess(command), async (typed: string[], options: AccessOptions) => {
    const { client, terminal, json } = sessionOf(app, options);
    const ids: string[] = [];
    for (const id of typed) ids.push(await findJobId(client, id));
    const jobs: JobView[] = [];
    for (const id of ids) jobs.push(await cancelJob(client, id));
    if (json) printJson(terminal, jobs);
    else for (const job of jobs) terminal.out(cancelLine(job));
    return EXIT.ok;
  });
}

function cancelLine(job: JobView): string {
  if (job.state === "cancelling") return `job ${job.id} cancelling: ${plural(job.counts.live, "task")} being stopped`;
  return `job ${job.id} ${job.state}: ${summaryLine(job)}`;
}
