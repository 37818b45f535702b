/** How it goes on for a job after its first tasks have started: why the rest waits, and when all of it is done. */
import { type Explanation, explain } from "../explain/explain.ts";
import type { Waiting } from "../explain/waiting.ts";
import type { RoundJob } from "../input.ts";
import { keyOf } from "../slots.ts";
import { heldAfter } from "../starving.ts";
import type { Draft } from "./draft.ts";

export interface Forecast {
  /** null: nothing waits */
  why: Explanation | null;
  /** ms until the last one has ended, if things go on as they did; null: nobody can tell */
  doneMs: number | null;
}

/**
 * @param seen as a job that waits is explained
 * @param meanRunMs how long a task of such a job runs on a partition of speed 1; null: not known
 * @param heldMs for so long nothing of it may start, whatever the draft says
 */
export function forecastOf(
  draft: Draft,
  job: RoundJob,
  seen: Pick<Waiting, "texts" | "drained" | "graceLeftMs">,
  meanRunMs: number | null,
  heldMs: number,
): Forecast {
  if (heldMs > 0) {
    const held: Waiting = { ...afterStart(draft, job, seen), local: "holding", silenceLeftMs: heldMs };
    return { why: explain(held), doneMs: doneMs(draft, job, meanRunMs, heldMs) };
  }
  const startsNow = total(draft.result.limits.get(job.id));
  const why = startsNow < job.remaining ? explain(afterStart(draft, job, seen)) : null;
  return { why, doneMs: doneMs(draft, job, meanRunMs, startsNow > 0 ? 0 : (why?.estimateMs ?? null)) };
}

/** Explained once what starts now runs: a change has to start more than that. */
function afterStart(
  { input, result }: Draft,
  job: RoundJob,
  told: Pick<Waiting, "texts" | "drained" | "graceLeftMs">,
): Waiting {
  const jobs = input.jobs.map((one) => ({ ...one, held: heldAfter(one, result) }));
  const seen = jobs.find(({ id }) => id === job.id) ?? job;
  return { input: { ...input, jobs }, result, job: seen, ...told, local: null, silenceLeftMs: null, held: null };
}

/** As many at once as is fair, one after the other. */
function doneMs({ input, result }: Draft, job: RoundJob, meanRunMs: number | null, delayMs: number | null) {
  const places = [result.limits, result.entitled]
    .map((all) => all.get(job.id) ?? new Map<string, number>())
    .reduce((a, b) => (total(b) > total(a) ? b : a));
  const atOnce = total(places);
  if (meanRunMs === null || delayMs === null || atOnce === 0) return null;
  let speed = 0;
  for (const partition of input.partitions) speed += (places.get(keyOf(partition)) ?? 0) * partition.speed;
  return Math.round(delayMs + (Math.ceil(job.remaining / atOnce) * meanRunMs * atOnce) / speed);
}

const total = (counts: ReadonlyMap<string, number> | undefined): number =>
  [...(counts?.values() ?? [])].reduce((a, b) => a + b, 0);
