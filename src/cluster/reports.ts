/** What a Cluster tells the Broker of each job: absolute and cumulative. */
import { REST } from "../model/partition.ts";
import { normalize, type Range } from "../model/ranges.ts";
import type { JobReport, NodeLevel } from "../protocol/levels.ts";
import { clusterDrainView } from "./drain.ts";
import { heldFor } from "./gangs.ts";
import type { ClusterMemory } from "./memory.ts";
import { returnedBy } from "./returns.ts";
import { heldBySilence } from "./silence.ts";
import { type JobState, type Live, liveCounts, stockSize } from "./state.ts";

export function jobReport(memory: ClusterMemory, job: JobState): JobReport {
  const ran = job.ran.all();
  const held = heldFor(memory, job);
  const silent = heldBySilence(memory, job);
  return {
    job: job.id,
    genApplied: job.gen,
    done: job.done,
    failed: job.failed,
    cancelled: job.cancelled,
    returned: returnedBy(memory, job),
    live: withLimbo(job),
    ...roomOf(memory, job),
    waiting: stockSize(job.fresh) + job.retry.size,
    reason: job.reason ?? silent?.reason ?? null,
    ...(job.lacksIn.length > 0 && { lacksIn: [...job.lacksIn] }),
    ...(held > 0 && { held }),
    ...(silent && { silenceLeftMs: silent.forMs }),
    ranMs: ran.reduce((ms, one) => ms + one.toldMs * memory.spec(one.partition).speed, 0),
    ran: ran.reduce((n, { told }) => n + told, 0),
    lastFailure: job.lastFailure,
    ...(job.leaving.size > 0 && { leaving: indicesOf(job.leaving.values()) }),
    ...(job.template.copies === "at-least-one" && running(job)),
  };
}

const indicesOf = (attempts: Iterable<Live>): Range[] =>
  normalize([...attempts].map(({ index }): Range => [index, index + 1]));

function running(job: JobState): Pick<JobReport, "running"> {
  const shown = [...job.live.values()].filter(({ confirmed, stopping }) => confirmed && stopping === null);
  return shown.length > 0 ? { running: indicesOf(shown) } : {};
}

/** Only where room was made: elsewhere its limits say it. */
function roomOf(memory: ClusterMemory, job: JobState): Pick<JobReport, "room"> {
  const made = memory.making.countsOf(job.id);
  if (made.size === 0) return {};
  const live = liveCounts(job);
  return { room: Object.fromEntries([...made].map(([name, count]) => [name, (live[name] ?? 0) + count])) };
}

/**
 * What may be running and nobody knows where counts where the job might run most when it was first told of, and stays
 * there: what is charged has a say in where the limits are, and would go round with them.
 */
function withLimbo(job: JobState): Record<string, number> {
  const counts = liveCounts(job);
  const limbo = stockSize(job.limbo);
  if (limbo === 0) {
    job.limboIn = null;
    return counts;
  }
  const [most] = Object.entries(job.limits).sort(([, a], [, b]) => b - a);
  const name = job.limboIn ?? most?.[0] ?? REST;
  job.limboIn = name;
  return { ...counts, [name]: (counts[name] ?? 0) + limbo };
}

export function nodeCounts(memory: ClusterMemory, now: number): NodeLevel {
  const { drained, ...counts } = memory.nodeAccounts.counts(now);
  const drain = clusterDrainView(memory);
  return { ...counts, ...(drained > 0 && { drained }), ...(drain && { drain }) };
}
