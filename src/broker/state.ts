/** What a Broker keeps in memory of jobs that are not over: a cache of its rows, and hints that may be lost. */
import { type Constraint, parseConstraint } from "../model/constraints.ts";
import type { JobView } from "../model/views.ts";
import type { RoundJob } from "../scheduling/round.ts";
import type { GrantRow, JobRow } from "./store.ts";
import { merge, NOTHING, queueSize, supplySize, type Terminal, terminalSize } from "./supply.ts";

export interface GrantState extends GrantRow {
  /** highest limit that the Cluster may still act on: reset when it reports that it applied the newest gen */
  oldLimit: number;
  /** tasks that ended there between the last two reports */
  recentEnds: number;
  /** the newest gen left, and no error came back */
  sent: boolean;
}

export interface JobMemory extends JobRow {
  constraints: Constraint[];
  grants: Map<string, GrantState>;
}

export function jobMemory(row: JobRow, grants: readonly GrantRow[]): JobMemory {
  return {
    ...row,
    constraints: row.template.constraints.map(parseConstraint).filter((c) => c !== null),
    grants: new Map(
      grants.map((grant) => [grant.cluster, { ...grant, oldLimit: grant.limit, recentEnds: 0, sent: false }]),
    ),
  };
}

export const terminalOf = (job: JobMemory): Terminal => {
  let terminal = job.banked;
  for (const { reported } of job.grants.values()) if (reported) terminal = merge(terminal, reported);
  return terminal;
};

export const isApplied = (grant: GrantState): boolean => (grant.reported?.genApplied ?? 0) >= grant.gen;

/** Attempts that may be running in a cluster, whatever the Broker would like. */
export function charged(grant: GrantState): number {
  const held = supplySize(grant.supply);
  const live = grant.reported?.live ?? 0;
  const may = isApplied(grant) ? Math.max(grant.limit, live) : Math.max(grant.limit, grant.oldLimit, live);
  return Math.min(may, held);
}

export const roundJob = (job: JobMemory): RoundJob => ({
  id: job.id,
  demand: job.template.resources,
  constraints: job.constraints,
  role: job.template.role,
  driver: job.template.driver,
  clusters: job.clusters,
  remaining:
    job.state === "cancelling"
      ? 0
      : queueSize(job.queue) + [...job.grants.values()].reduce((n, g) => n + supplySize(g.supply), 0),
  held: new Map(
    [...job.grants].map(([cluster, grant]) => [cluster, { charged: charged(grant), barred: grant.barred }]),
  ),
});

export function countsOf(job: JobMemory, terminal: Terminal = terminalOf(job)): JobView["counts"] {
  const succeeded = terminal.done.reduce((n, [a, b]) => n + b - a, 0);
  const failed = terminal.failed.reduce((n, [a, b]) => n + b - a, 0);
  const cancelled = terminal.cancelled.reduce((n, [a, b]) => n + b - a, 0);
  const unfinished = job.count - terminalSize(terminal);
  const live = Math.min(
    unfinished,
    [...job.grants.values()].reduce((n, g) => n + (g.reported?.live ?? 0), 0),
  );
  return { waiting: unfinished - live, live, succeeded, failed, cancelled };
}

export function jobView(job: JobMemory, waits: JobView["waits"]): JobView {
  const clusters: JobView["clusters"] = {};
  let lastFailure: JobView["lastFailure"] = null;
  for (const [name, grant] of job.grants) {
    const { reported } = grant;
    const of = countsOf({ ...job, grants: new Map([[name, grant]]), banked: NOTHING });
    clusters[name] = {
      limit: grant.limit,
      live: reported?.live ?? 0,
      succeeded: of.succeeded,
      failed: of.failed,
      cancelled: of.cancelled,
      supply: supplySize(grant.supply),
    };
    if (reported?.lastFailure) lastFailure = { ...reported.lastFailure, cluster: name };
  }
  return {
    id: job.id,
    name: job.template.name,
    state: stateOf(job),
    count: job.count,
    role: job.template.role,
    counts: countsOf(job),
    clusters,
    waits,
    lastFailure,
    resources: job.template.resources,
    command: job.template.command,
    createdAt: job.createdAt,
    endedAt: job.endedAt,
  };
}

/** `running` as soon as something of it runs or ran. */
function stateOf(job: JobMemory): JobView["state"] {
  if (job.state !== "waiting") return job.state;
  const { live, succeeded, failed } = countsOf(job);
  return live + succeeded + failed > 0 ? "running" : "waiting";
}
