/**
 * The level protocol between the Broker and a Cluster: each message states what is, not what changed, so that a lost,
 * doubled or late one heals with the next. `gen` orders what the Broker says of a job to one cluster, (`incarnation`,
 * `rev`) what a Cluster reports.
 */
import type { Attributes } from "../model/constraints.ts";
import type { Template } from "../model/job.ts";
import type { Ranges } from "../model/ranges.ts";
import type { Resources } from "../model/resources.ts";
import type { EndReason } from "../model/states.ts";

/** Indices `[from, to)` that a cluster may run under one hand-out number. */
export interface Supply {
  from: number;
  to: number;
  handout: number;
  attemptsUsed: number;
  /** one per index when the job has items */
  items?: string[];
  /** given to an earlier incarnation of this Cluster: may be running; only adopt, return after the silence limit */
  recover?: boolean;
}

export interface Grant {
  job: string;
  gen: number;
  action: "run" | "cancel";
  /** at most so many live attempts at once; what shares charge */
  limit: number;
  supply: Supply[];
  template: Template;
}

/** Broker → Cluster. */
export interface GrantMessage {
  incarnation: number;
  /** for whom it was decided: a copy that comes late must not reach a Cluster that began anew */
  clusterIncarnation: number;
  grants: Grant[];
}

export type ReturnReason = EndReason | "does-not-fit" | "fragmented" | "surplus";

export interface Returned {
  from: number;
  to: number;
  handout: number;
  attemptsUsed: number;
  reason: ReturnReason;
}

/** Nodes that are alike: same capacity, attributes and acceptance. */
export interface Shape {
  count: number;
  capacity: Resources;
  attributes: Attributes;
  roles?: string[];
  drivers: string[];
}

/** One (job, cluster) row; absolute and cumulative. */
export interface JobReport {
  job: string;
  genApplied: number;
  done: Ranges;
  failed: Ranges;
  cancelled: Ranges;
  returned: Returned[];
  /** accepted by a node or on the way to it, and what of the supply waits here */
  live: number;
  waiting: number;
  /** why the waiting ones wait, if they do not only wait for room under `limit` */
  reason: WaitReason | null;
  /** milli-unit · ms used by ended and live attempts */
  usedMs: Resources;
  lastFailure: { index: number; node: string; message: string } | null;
}

/** Why tasks wait; closed list. */
export type WaitReason =
  | "no-nodes" // no cluster that the job may use has a node that is up
  | "never-fits" // no node, empty, could hold it
  | "constraint" // no node satisfies the job's clusters and constraints
  | "not-accepted" // the nodes' own configs refuse its role or driver
  | "space" // waits for room
  | "fragmented" // enough in all, not on one node
  | "backoff" // waits before the next try
  | "holding" // a node is silent; its work waits until nothing can still run there
  | "paused" // the nodes are paused, drained or under pressure
  | "granting"; // on the way to a cluster

/** Cluster → Broker. */
export interface Report {
  cluster: string;
  incarnation: number;
  rev: number;
  shapes: Shape[];
  /** nodes up, silent, and in all */
  nodes: { up: number; silent: number; total: number };
  jobs: JobReport[];
  /** what happened to nodes since the last report that was answered */
  events: NodeEvent[];
}

export interface NodeEvent {
  type: "node.joined" | "node.silent" | "node.back" | "node.removed";
  node: string;
}

export interface ReportAnswer {
  /** the next report may come so many ms after this answer */
  nextReportMs: number;
  /** the Broker's newest rev of this cluster */
  rev: number;
  /** newest incarnation of this Cluster that the Broker heard of: one that began with a slow clock takes a higher one */
  clusterIncarnation: number;
  /** jobs that are over: the Cluster need not report them again */
  ended: string[];
  /** what changed for this cluster by the round that the report started: saves a call */
  incarnation: number;
  grants: Grant[];
}
