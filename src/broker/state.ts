/** What a Broker keeps in memory of jobs that are not over: a cache of its rows, and hints that may be lost. */
import { type Constraint, parseConstraint } from "../model/constraints.ts";
import { readTemplate } from "../model/job.ts";
import { type PartitionKey, partitionKey } from "../model/partition.ts";
import { rulesOf, SELF } from "../model/placing.ts";
import { intersect, type Ranges, union } from "../model/ranges.ts";
import { add } from "../model/resources.ts";
import { isWithin } from "../model/role.ts";
import type { JobView } from "../model/views.ts";
import type { Counts } from "../protocol/levels.ts";
import type { RoundHeld, RoundJob } from "../scheduling/input.ts";
import type { Whereabouts } from "./methods.ts";
import type { GrantRow, JobRow } from "./store.ts";
import { all, merge, NOTHING, queueSize, rangesOf, supplySize, type Terminal, terminalSize } from "./supply.ts";

export interface GrantState extends GrantRow {
  /** what may run by what it was told before the newest gen: reset when it reports that it applied that */
  oldLimits: Counts;
  /** tasks that ended there between the last two reports */
  recentEnds: number;
  /** so many tasks of its supply shall come back; lost with the memory */
  recall: number;
  /** the newest gen left, and no error came back */
  sent: boolean;
  /** what of it has moved elsewhere, as it was told; a hint */
  toldMoved?: Ranges;
  /** since when it may have room made for it; lost with the memory; null: it may not */
  claimedAt: number | null;
}

export interface JobMemory extends JobRow {
  constraints: Constraint[];
  /** over nodes; those over tasks the clusters decide by */
  preferences: { rule: Constraint; weight: number }[];
  grants: Map<string, GrantState>;
  /** what became of its tasks that were last stopped for others; lost with the memory */
  takenBack: string | null;
}

export function jobMemory(row: JobRow, grants: readonly GrantRow[]): JobMemory {
  const template = readTemplate(row.template);
  return {
    ...row,
    template,
    constraints: template.constraints.map(parseConstraint).filter((c) => c !== null),
    preferences: rulesOf(template.preferences),
    grants: new Map(
      grants.map((grant) => [
        grant.cluster,
        { ...grant, oldLimits: supposedLimits(grant), recentEnds: 0, recall: 0, sent: false, claimedAt: null },
      ]),
    ),
    takenBack: null,
  };
}

/** A partition that there is not: what may run, and nobody knows where. */
export const SOMEWHERE = "";

/** As rows tell. What an earlier gen allowed they do not: a Cluster that has not confirmed the newest may use all it has. */
function supposedLimits(grant: GrantRow): Counts {
  if (isApplied(grant)) return grant.limits;
  const known = sumOf(highestOf(grant.limits, grant.reported?.live ?? {}));
  return { ...grant.limits, [SOMEWHERE]: Math.max(0, supplySize(grant.supply) - known) };
}

export const terminalOf = (job: JobMemory): Terminal => {
  let terminal = job.banked;
  for (const { reported } of job.grants.values()) if (reported) terminal = merge(terminal, reported);
  return terminal;
};

export const isApplied = (grant: GrantRow): boolean => (grant.reported?.genApplied ?? 0) >= grant.gen;

export const sumOf = (counts: Counts): number => Object.values(counts).reduce((n, count) => n + count, 0);
export const liveOf = (grant: GrantState): number => sumOf(grant.reported?.live ?? {});

/** By resource and name the higher of two. */
function highestOf(a: Counts, b: Counts): Record<string, number> {
  const highest: Record<string, number> = { ...a };
  for (const [name, count] of Object.entries(b)) highest[name] = Math.max(highest[name] ?? 0, count);
  return highest;
}

/** Attempts that may be running in each partition of a cluster, whatever the Broker would like. */
export function charged(grant: GrantState): Record<string, number> {
  const held = supplySize(grant.supply);
  const wanted = isApplied(grant) ? grant.limits : highestOf(grant.limits, grant.oldLimits);
  const may = highestOf(wanted, grant.reported?.live ?? {});
  return Object.fromEntries(Object.entries(may).map(([name, count]) => [name, Math.min(count, held)]));
}

/** @param waits why what is queued does */
export function whereabouts(job: JobMemory, ranges: Ranges, waits: string | null): Whereabouts {
  const clusters = [...job.grants].map(([name, { supply, reported }]) => {
    const has = union(rangesOf(supply), reported ? all(reported) : []);
    return [name, intersect(ranges, has)] as const;
  });
  return {
    ended: intersect(ranges, job.endedAt === null ? all(terminalOf(job)) : [[0, job.count]]),
    queued: intersect(ranges, rangesOf(job.queue)),
    clusters: Object.fromEntries(clusters.filter(([, has]) => has.length > 0)),
    waits,
  };
}

/** An earlier attempt of some of its tasks runs on there beside the newest. */
export const isLeft = ({ reported }: Pick<GrantRow, "reported">): boolean => (reported?.leaving?.length ?? 0) > 0;

/** What runs on in this cluster although its newest attempt runs in another. */
export function movedFrom(job: Pick<JobMemory, "grants">, { cluster, reported }: GrantState): Ranges {
  const { leaving = [] } = reported ?? {};
  if (leaving.length === 0) return [];
  let elsewhere: Ranges = [];
  for (const other of job.grants.values()) {
    if (other.cluster === cluster || !other.reported?.running) continue;
    // What it had once, another may have had since.
    elsewhere = union(elsewhere, intersect(other.reported.running, rangesOf(other.supply)));
  }
  return intersect(leaving, elsewhere);
}

/** Two earlier attempts of these run on in two clusters: a third copy waits until one of them has ended. */
export function leavingTwice(job: Pick<JobMemory, "grants">): Ranges {
  let once: Ranges = [];
  let twice: Ranges = [];
  for (const { reported } of job.grants.values()) {
    const { leaving } = reported ?? {};
    if (!leaving) continue;
    twice = union(twice, intersect(once, leaving));
    once = union(once, leaving);
  }
  return twice;
}

/** Tasks beyond its limits for which room may be made, by partition. */
export function claimed({ claim }: Pick<GrantRow, "claim">): Record<string, number> {
  const counts: Record<string, number> = { ...claim?.own };
  for (const [name, count] of Object.entries(claim?.priority ?? {})) counts[name] = (counts[name] ?? 0) + count;
  return counts;
}

/** What a job may be using of each partition of the league, and what room is made for it there. */
function* heldOf(job: JobMemory): Generator<[PartitionKey, RoundHeld]> {
  for (const [cluster, grant] of job.grants) {
    const counts = charged(grant);
    const { barredIn, reported, supply } = grant;
    // What it has no tasks for any more is not told to the Cluster again.
    const claims = supply.length === 0 ? {} : claimed(grant);
    const unit = unitOf(job);
    for (const name of Object.keys({ ...counts, ...claims, ...reported?.room, ...barredIn })) {
      const barredFor = barredIn[name];
      const roomFor = reported?.room?.[name];
      const live = reported?.live[name];
      yield [
        partitionKey(cluster, name),
        {
          charged: Math.ceil((counts[name] ?? 0) / unit),
          barred: barredFor !== undefined,
          ...(barredFor && { barredFor }),
          ...(claims[name] && { claimed: Math.ceil(claims[name] / unit) }),
          ...(live && { live: Math.ceil(live / unit) }),
          ...(roomFor && { roomFor: Math.ceil(roomFor / unit) }),
        },
      ];
    }
  }
}

/** Tasks that are not over. */
export const remainingOf = (job: JobMemory): number =>
  queueSize(job.queue) + [...job.grants.values()].reduce((n, grant) => n + supplySize(grant.supply), 0);

/** Tasks that the round gives to it in whole. */
export const unitOf = ({ template }: Pick<JobRow, "template">): number => template.gang?.size ?? 1;

/** What a round needs to know of it, in its units: a gang that has begun to end counts whole. */
export const roundJob = (job: JobMemory): RoundJob => ({
  id: job.id,
  unit: unitOf(job),
  demand: add({}, job.template.resources, unitOf(job)),
  constraints: job.constraints,
  role: job.template.role,
  driver: job.template.driver,
  clusters: job.clusters,
  apart: job.template.apart.filter((apart) => isOf(job, apart.job)).map(({ over }) => over),
  preferences: job.preferences,
  priority: job.template.priority,
  remaining: job.state === "cancelling" ? 0 : Math.ceil(remainingOf(job) / unitOf(job)),
  held: new Map(heldOf(job)),
  meanRunMs: meanRunMs(job),
});

const isOf = ({ template }: JobMemory, name: string): boolean => name === SELF || name === template.name;

function meanRunMs(job: JobMemory): number | null {
  let ranMs = 0;
  let ran = 0;
  for (const { reported } of job.grants.values()) {
    ranMs += reported?.ranMs ?? 0;
    ran += reported?.ran ?? 0;
  }
  return ran === 0 ? null : ranMs / ran;
}

export function countsOf(job: JobMemory, terminal: Terminal = terminalOf(job)): JobView["counts"] {
  const succeeded = terminal.done.reduce((n, [a, b]) => n + b - a, 0);
  const failed = terminal.failed.reduce((n, [a, b]) => n + b - a, 0);
  const cancelled = terminal.cancelled.reduce((n, [a, b]) => n + b - a, 0);
  const unfinished = job.count - terminalSize(terminal);
  const live = Math.min(
    unfinished,
    [...job.grants.values()].reduce((n, g) => n + liveOf(g), 0),
  );
  return { waiting: unfinished - live, live, succeeded, failed, cancelled };
}

/** @param ownerOf who owns a partition; null: nobody */
export function jobView(
  job: JobMemory,
  waits: JobView["waits"],
  ownerOf: (partition: PartitionKey) => string | null,
): JobView {
  const clusters: JobView["clusters"] = {};
  const partitions: JobView["partitions"] = {};
  let lastFailure: JobView["lastFailure"] = null;
  for (const [name, grant] of job.grants) {
    const { reported } = grant;
    const of = countsOf({ ...job, grants: new Map([[name, grant]]), banked: NOTHING });
    clusters[name] = {
      limit: sumOf(grant.limits),
      live: liveOf(grant),
      succeeded: of.succeeded,
      failed: of.failed,
      cancelled: of.cancelled,
      supply: supplySize(grant.supply),
    };
    for (const partition of Object.keys(highestOf(grant.limits, reported?.live ?? {}))) {
      partitions[partitionKey(name, partition)] = {
        limit: grant.limits[partition] ?? 0,
        live: reported?.live[partition] ?? 0,
      };
    }
    if (reported?.lastFailure) lastFailure = { ...reported.lastFailure, cluster: name };
  }
  return {
    id: job.id,
    name: job.template.name,
    state: stateOf(job),
    count: job.count,
    gang: job.template.gang?.size ?? null,
    role: job.template.role,
    counts: countsOf(job),
    clusters,
    partitions,
    borrows: borrowsOf(job, partitions, ownerOf),
    waits,
    lastFailure,
    resources: job.template.resources,
    command: job.template.command,
    createdAt: job.createdAt,
    endedAt: job.endedAt,
  };
}

export function borrowsOf(
  job: Pick<JobMemory, "template">,
  partitions: Readonly<Record<PartitionKey, { limit: number }>>,
  ownerOf: (partition: PartitionKey) => string | null,
): JobView["borrows"] {
  return Object.entries(partitions).flatMap(([partition, { limit }]) => {
    const owner = ownerOf(partition);
    if (owner === null || limit === 0 || isWithin(job.template.role, owner)) return [];
    return [{ partition, owner, resources: add({}, job.template.resources, limit) }];
  });
}

/** `running` as soon as something of it runs or ran. */
export function stateOf(job: JobMemory): JobView["state"] {
  if (job.state !== "waiting") return job.state;
  const { live, succeeded, failed } = countsOf(job);
  return live + succeeded + failed > 0 ? "running" : "waiting";
}
