/**
 * Stays with a submitted job: progress, outputs, summary, exit code. Ctrl-C leaves it running, a second one cancels
 * it; a job that no node could ever run is not left behind unless that is wanted.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { isNever } from "../../src/model/reasons.ts";
import { isTerminal } from "../../src/model/states.ts";
import type { JobView, TaskView } from "../../src/model/views.ts";
import { cancelJob, explainJob, getJob } from "../api/endpoints.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import { printJson, printRecord, type Session } from "../session.ts";
import { saysYes } from "../show/question.ts";
import { type Interrupts, interrupts, when } from "./interrupts.ts";
import { collected, endLine, placeOf, printPrefixed, withOutput } from "./output.ts";
import { headLine, progressLine, summaryLine, waitsLine } from "./progress.ts";
import { type JobWatcher, watchJob } from "./watch.ts";

export interface AttachOptions {
  detach?: boolean;
  /** wait, without a question, for nodes that could run it */
  yes?: boolean;
}

/** A league that just started may not know its nodes yet. */
const SETTLE_MS = 1500;
const SECOND_PRESS_MS = 2000;
/** Plain progress lines, when nobody watches a live one. */
const PLAIN_PROGRESS_MS = 2000;
/** What passes sooner is the ordinary way to a node and no reason to tell. */
const REASON_HOLDS_MS = 1500;

const cannotRun = (job: JobView): boolean =>
  !isTerminal(job.state) && job.counts.live === 0 && job.waits !== null && isNever(job.waits.reason);

export async function attach(session: Session, submitted: JobView, options: AttachOptions): Promise<ExitCode> {
  const { terminal, json, self } = session;
  if (options.detach) {
    if (json) printJson(terminal, submitted);
    else {
      terminal.out(headLine(submitted));
      const waits = waitsLine(submitted);
      if (waits) terminal.note(waits);
      terminal.note(followHints(self, submitted.id));
    }
    return EXIT.ok;
  }
  if (!json) terminal.out(headLine(submitted));
  const presses = interrupts();
  try {
    if (cannotRun(submitted) && !(await wantsToWait(session, submitted, options))) return EXIT.neverRuns;
    return await stay(session, submitted, presses);
  } finally {
    terminal.live("");
    presses.release();
  }
}

const followHints = (self: string, id: string): string =>
  `follow: ${self} logs -f ${id} · why it waits: ${self} explain ${id} · cancel: ${self} cancel ${id}`;

/** Cancels the job unless someone wants it to wait for other nodes. */
async function wantsToWait(session: Session, submitted: JobView, options: AttachOptions): Promise<boolean> {
  const { client, terminal, self } = session;
  await sleep(SETTLE_MS);
  const job = await getJob(client, submitted.id);
  if (!cannotRun(job)) return true;
  const { sentence } = await explainJob(client, job.id);
  terminal.note(`no node can run it: ${sentence}`);
  if (options.yes) return true;
  if (terminal.interactive && process.stdin.isTTY && (await saysYes("Keep it waiting for nodes that can? [y/N] "))) {
    return true;
  }
  await cancelJob(client, job.id);
  terminal.note(`job ${job.id} was cancelled. Ask for less, or let it wait for other nodes: ${self} run --yes …`);
  return false;
}

async function stay(session: Session, submitted: JobView, presses: Interrupts): Promise<ExitCode> {
  const { client, terminal, self } = session;
  const leave = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let cancelled: Promise<JobView> | undefined;
  when(presses.first, () => {
    terminal.note(`leaving job ${submitted.id} to run on; Ctrl-C again cancels it`);
    timer = setTimeout(() => leave.abort(), SECOND_PRESS_MS);
  });
  when(presses.second, () => {
    clearTimeout(timer);
    presses.release();
    terminal.note(`cancelling job ${submitted.id}; what runs gets its grace`);
    cancelled = cancelJob(client, submitted.id);
    cancelled.catch(() => leave.abort());
  });
  const job = await watchJob(client, submitted, session.json ? recorder(session) : printer(session), leave.signal);
  clearTimeout(timer);
  await cancelled;
  terminal.live("");
  if (!isTerminal(job.state)) {
    terminal.note(followHints(self, job.id));
    return EXIT.ok;
  }
  if (session.json) printRecord(terminal, { type: "job", ...job });
  else terminal.out(summaryLine(job));
  return job.state === "succeeded" ? EXIT.ok : EXIT.taskFailed;
}

function printer({ client, terminal }: Session): JobWatcher {
  let reason = "";
  let reasonAt = 0;
  let told = "";
  let plainAt = performance.now() + PLAIN_PROGRESS_MS;
  let plain = "";
  return {
    changed(job) {
      const line = progressLine(job.count, job.counts);
      const waits = job.counts.live === 0 ? waitsLine(job) : null;
      terminal.live(waits ? `${line} · ${waits}` : line);
      if (terminal.interactive || isTerminal(job.state)) return;
      if (waits !== reason) {
        reason = waits ?? "";
        reasonAt = performance.now();
      }
      if (reason && reason !== told && performance.now() - reasonAt >= REASON_HOLDS_MS) {
        told = reason;
        terminal.note(reason);
      }
      const left = job.counts.waiting + job.counts.live > 0;
      if (left && performance.now() >= plainAt && line !== plain) {
        plain = line;
        plainAt = performance.now() + PLAIN_PROGRESS_MS;
        terminal.note(line);
      }
    },
    async ended(tasks) {
      for await (const { task, stdout, stderr } of withOutput(client, tasks)) {
        await printPrefixed(terminal, task, "stdout", stdout);
        await printPrefixed(terminal, task, "stderr", stderr);
        const line = endLine(task);
        if (line && task.attempts.length > 0)
          terminal.out(terminal.paint("red", `${task.id} ${placeOf(task)} ${line}`));
      }
    },
  };
}

function recorder({ client, terminal }: Session): JobWatcher {
  const text = async (task: TaskView, stream: "stdout" | "stderr") =>
    new TextDecoder().decode(await collected(client, task, stream));
  return {
    changed() {},
    async ended(tasks) {
      for (const task of tasks) {
        const [stdout, stderr] = await Promise.all([text(task, "stdout"), text(task, "stderr")]);
        printRecord(terminal, { type: "task", ...task, stdout, stderr });
      }
    },
  };
}
