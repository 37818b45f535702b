/** Watches a job until it is over: its counts as they change, and each task once it has ended. */
import { setTimeout as sleep } from "node:timers/promises";
import { isTerminal } from "../../src/model/states.ts";
import type { JobView, TaskView } from "../../src/model/views.ts";
import type { Client } from "../api/client.ts";
import { getJob, tasksOf } from "../api/endpoints.ts";
import { followEvents, throughOutages } from "../api/streams.ts";

/** Longest wait the API holds a request for. */
const HOLD_S = 25;
/** While nothing runs, the reason may change without an event. */
const IDLE_LOOK_MS = 2000;
/** Between two looks for ended tasks, and how many times the length of the last one. */
const SCAN_PAUSE_MS = 100;
const SCAN_PAUSE_FACTOR = 2;

export interface JobWatcher {
  changed(job: JobView): void;
  /** in the order of their indices, as far as they have ended */
  ended(tasks: TaskView[]): Promise<void>;
}

/** Wakes the one who waits; rings in between count as one. */
function bell() {
  let rung = false;
  let wake = () => {};
  return {
    ring() {
      rung = true;
      wake();
    },
    /** @returns false when the time was over first */
    async heard(atMostMs: number): Promise<boolean> {
      if (!rung) {
        const timer = new AbortController();
        const heard = new Promise<void>((resolve) => {
          wake = resolve;
        });
        await Promise.race([heard, sleep(atMostMs, undefined, { signal: timer.signal }).catch(() => {})]);
        timer.abort();
      }
      const heard = rung;
      rung = false;
      return heard;
    },
  };
}

/** Finds tasks that have ended since the last look, reading only from the first one that had not. */
function endedTasks(client: Client, id: string) {
  const seen = new Set<number>();
  let from = 0;
  return async (): Promise<TaskView[]> => {
    const found: TaskView[] = [];
    for await (const page of tasksOf(client, id, from)) {
      for (const task of page) {
        if (!isTerminal(task.state) || seen.has(task.index)) continue;
        seen.add(task.index);
        found.push(task);
      }
    }
    while (seen.delete(from)) from++;
    return found.sort((a, b) => a.index - b.index);
  };
}

/**
 * @param signal ends the watching, not the job
 * @returns the job as it was last seen; terminal unless `signal` came first
 */
export async function watchJob(
  client: Client,
  first: JobView,
  watcher: JobWatcher,
  signal: AbortSignal,
): Promise<JobView> {
  const over = new AbortController();
  const both = AbortSignal.any([signal, over.signal]);
  const news = bell();
  let job = first;
  let failure: unknown = null;

  const learn = (newer: JobView) => {
    job = newer;
    news.ring();
  };
  const look = async () => learn(await throughOutages(() => getJob(client, job.id, 0, both), both));
  const listen = async () => {
    for await (const event of followEvents(client, { job: job.id, signal: both }, () => void guarded(look))) {
      if (event.counts && !isTerminal(job.state)) learn({ ...job, counts: event.counts });
    }
  };
  const hold = async () => {
    while (!isTerminal(job.state)) learn(await throughOutages(() => getJob(client, job.id, HOLD_S, both), both));
  };
  const guarded = (work: () => Promise<void>) =>
    work().catch((error) => {
      failure = both.aborted ? failure : error;
      news.ring();
    });
  signal.addEventListener("abort", news.ring, { once: true });
  const feeds = [guarded(listen), guarded(hold)];

  try {
    const newlyEnded = endedTasks(client, job.id);
    let shown = 0;
    let nextScanAt = 0;
    while (!signal.aborted) {
      if (failure) throw failure;
      watcher.changed(job);
      const terminal = isTerminal(job.state);
      const ended = job.counts.succeeded + job.counts.failed;
      if (terminal || (ended > shown && performance.now() >= nextScanAt)) {
        const startedAt = performance.now();
        const tasks = await throughOutages(newlyEnded, signal);
        nextScanAt = performance.now() + SCAN_PAUSE_MS + SCAN_PAUSE_FACTOR * (performance.now() - startedAt);
        shown += tasks.length;
        await watcher.ended(tasks);
        if (terminal) return job;
      }
      const more = ended > shown;
      const heard = await news.heard(more ? Math.max(1, nextScanAt - performance.now()) : IDLE_LOOK_MS);
      if (!heard && !more && job.counts.live === 0) job = await throughOutages(() => getJob(client, job.id), signal);
    }
    return job;
  } catch (error) {
    if (signal.aborted) return job;
    throw error;
  } finally {
    signal.removeEventListener("abort", news.ring);
    over.abort();
    await Promise.all(feeds);
  }
}
