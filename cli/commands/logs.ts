/** `hansa logs`: one task's output as it is, a whole job's with the task in front of each line. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { isTerminal } from "../../src/model/states.ts";
import type { JobView, TaskView } from "../../src/model/views.ts";
import type { Client } from "../api/client.ts";
import { getJob, getTask, tasksOf } from "../api/endpoints.ts";
import { findTarget } from "../api/find.ts";
import { linesOf } from "../api/lines.ts";
import { outputOf } from "../api/streams.ts";
import { type AccessOptions, type App, does, sessionOf, withAccess } from "../app.ts";
import { EXIT } from "../exit.ts";
import { interrupts } from "../job/interrupts.ts";
import { printPrefixed } from "../job/output.ts";
import { watchJob } from "../job/watch.ts";
import { printRecord, type Session } from "../session.ts";

interface LogsOptions extends AccessOptions {
  follow?: boolean;
  stderr?: boolean;
}

/** What is read, how, and until when. */
interface Reading {
  session: Session;
  stream: "stdout" | "stderr";
  follow: boolean;
  signal: AbortSignal;
}

/** Tasks of one job that are followed at once; the others are printed when they have ended. */
const MAX_TAILS = 32;
/** Between two looks for tasks that have started. */
const LOOK_MS = 1000;

export function addLogs(program: Command, app: App): void {
  const command = program
    .command("logs")
    .description("print the output of a task, or of all tasks of a job")
    .argument("<job-or-task>", "JOB or JOB.INDEX; the beginning of the job's id will do")
    .option("-f, --follow", "go on until it has ended")
    .option("--stderr", "standard error instead of standard output");
  does(app, withAccess(command), async (typed: string, options: LogsOptions) => {
    const session = sessionOf(app, options);
    const presses = interrupts();
    const reading: Reading = {
      session,
      stream: options.stderr ? "stderr" : "stdout",
      follow: options.follow ?? false,
      signal: presses.first,
    };
    try {
      const target = await findTarget(session.client, typed);
      if (target.task !== null) await printTask(reading, await startedTask(reading, target.task), false);
      else await printJob(reading, await getJob(session.client, target.job));
    } catch (error) {
      if (!presses.first.aborted) throw error;
    } finally {
      presses.release();
    }
    return EXIT.ok;
  });
}

/** The task, once there is an attempt to read from. */
async function startedTask({ session, follow, signal }: Reading, id: string): Promise<TaskView> {
  for (;;) {
    const task = await getTask(session.client, id);
    if (!follow || isTerminal(task.state) || task.attempts.length > 0) return task;
    await sleep(LOOK_MS, undefined, { signal });
  }
}

async function printJob(reading: Reading, job: JobView): Promise<void> {
  const prefixed = job.count > 1;
  if (reading.follow && !isTerminal(job.state)) return followJob(reading, job, prefixed);
  for await (const page of tasksOf(reading.session.client, job.id)) {
    for (const task of page) await printTask(reading, task, prefixed);
  }
}

async function followJob(reading: Reading, job: JobView, prefixed: boolean): Promise<void> {
  const { client } = reading.session;
  const tails = new Map<string, Promise<void>>();
  const tail = (task: TaskView): Promise<void> => {
    const key = attemptOf(task);
    const running = tails.get(key) ?? printTask(reading, task, prefixed);
    tails.set(key, running);
    return running;
  };
  const looking = new AbortController();
  const look = async () => {
    while (!looking.signal.aborted) {
      for await (const task of liveTasks(client, job.id))
        if (tails.size < MAX_TAILS || tails.has(attemptOf(task))) tail(task).catch(() => {});
      await sleep(LOOK_MS, undefined, { signal: looking.signal });
    }
  };
  const looks = look().catch(() => {});
  try {
    await watchJob(
      client,
      job,
      { changed() {}, ended: async (tasks) => void (await Promise.all(tasks.map(tail))) },
      reading.signal,
    );
  } finally {
    looking.abort();
    await looks;
  }
}

const attemptOf = (task: TaskView): string => `${task.id}@${task.attempts.at(-1)?.epoch ?? 0}`;

async function* liveTasks(client: Client, job: string): AsyncGenerator<TaskView> {
  for await (const page of tasksOf(client, job)) yield* page.filter((task) => task.state === "running");
}

async function printTask(reading: Reading, task: TaskView, prefixed: boolean): Promise<void> {
  const { session, stream, signal } = reading;
  const newest = task.attempts.at(-1);
  if (!newest) return;
  const follow = reading.follow || isTerminal(task.state);
  const chunks = outputOf(session.client, { task: task.id, epoch: newest.epoch, stream, follow, signal });
  if (session.json) {
    for await (const line of linesOf(chunks)) printRecord(session.terminal, { task: task.id, stream, line });
  } else if (prefixed) {
    await printPrefixed(session.terminal, task, stream, chunks, "stdout");
  } else {
    for await (const chunk of chunks) session.terminal.raw(chunk);
  }
}
