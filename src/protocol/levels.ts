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
import type { DrainView } from "../model/views.ts";
import type { FrameworkGrant, FrameworkReport } from "./frameworks.ts";

/** For so long the Broker may not have told a new incarnation what its nodes run: what is not known is kept. */
export const RECOVERY_MS = 120_000;

/** Tasks by partition. */
export type Counts = Readonly<Record<string, number>>;

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
  /** by partition, at most so many live attempts at once; what shares charge. Of a partition not named: none */
  limits: Counts;
  supply: Supply[];
  template: Template;
  /** absent: it waits until room is free */
  claim?: Claim;
  /** absent: nothing of it may be taken back */
  yields?: Yields;
  /** of these a newer attempt runs in another cluster: an earlier one here may go; absent: of none */
  moved?: Ranges;
  /**
   * Of this supply so many tasks shall come back, counting those that are on their way: another cluster has room for
   * them. Only what waits beyond the limits and the claim does, of gangs whole ones; absent: none
   */
  recall?: number;
}

/**
 * Beyond a job's limits, so many more of its tasks may have room made for them by stopping others. They start when a
 * later gen raises its limits into that room, so that limits are never more than there is. What is due as its own and
 * what is due by priority are apart.
 */
export interface Claim {
  /** for its role's own: what runs beyond the own of other roles may be stopped for it */
  own: Counts;
  /** for its priority: tasks of lower priority in the same role may be stopped for it */
  priority: Counts;
  /** what is stopped must have all that a task needs: what is free beside it is not for it to use */
  inKind?: true;
  /** so long it waits for room before anything is stopped */
  graceMs: number;
  /** an attempt that has run for less is left alone */
  minRunMs: number;
}

/** By partition: of a job's attempts so many may be stopped for those who claim. */
export interface Yields {
  /** they run on what is another's own */
  lent: Counts;
  /** they run where jobs of higher priority in the same role shall */
  lower: Counts;
  /** never so many that fewer than this are left, whatever was stopped or has ended since */
  keep: Counts;
}

/** Broker → Cluster. */
export interface GrantMessage {
  incarnation: number;
  /** for whom it was decided: a copy that comes late must not reach a Cluster that began anew */
  clusterIncarnation: number;
  grants: Grant[];
  /** absent: of none */
  frameworks?: FrameworkGrant[];
}

export type ReturnReason = EndReason | "does-not-fit" | "fragmented" | "surplus";

export interface Returned {
  from: number;
  to: number;
  handout: number;
  attemptsUsed: number;
  reason: ReturnReason;
  /** where it might have run: to what a reason that says "not there" applies; nowhere once nodes are others */
  partitions?: string[];
}

/** Nodes that are alike: same capacity, attributes and acceptance. */
export interface Shape {
  count: number;
  capacity: Resources;
  attributes: Attributes;
  roles?: string[];
  drivers: string[];
}

/** Nodes that have as much free for frameworks. */
export interface FreeRoom {
  nodes: number;
  /** on each of them */
  free: Resources;
}

/** One (job, cluster) row; absolute and cumulative. */
export interface JobReport {
  job: string;
  genApplied: number;
  done: Ranges;
  failed: Ranges;
  cancelled: Ranges;
  returned: Returned[];
  /** accepted by a node or on the way to it, by partition */
  live: Counts;
  /** where room was made for it: how many can be live there with that; absent: nowhere */
  room?: Counts;
  /** what of the supply waits here */
  waiting: number;
  /** why the waiting ones wait, if they do not only wait for room under `limit` */
  reason: WaitReason | null;
  /** partitions where what was given back as `fragmented` still finds no room; absent: none, or what the reason says */
  lacksIn?: string[];
  /** places kept for a gang of it while others are missing; absent: none */
  held?: number;
  /** within so long after this report what silent nodes have is handed out again, if they stay silent */
  silenceLeftMs?: number;
  /** how long the attempts ran whose ends were told, by their partitions' present speed as if on one of speed 1 */
  ranMs: number;
  /** how many those are */
  ran: number;
  lastFailure: { index: number; node: string; message: string } | null;
  /** of these an earlier attempt runs here beside the newest, which may be another cluster's; absent: of none */
  leaving?: Ranges;
  /** of a job that allows two copies: whose newest attempt a node here has shown; absent: none */
  running?: Ranges;
}

/** What a Cluster says of a job's waiting tasks, beyond that they wait for room under their limits. */
export type WaitReason =
  | "no-nodes" // no node is up
  | "does-not-fit" // no node here, empty, could hold it
  | "refused" // the nodes' own configs refused it when it was handed out
  | "fragmented" // enough in all, not on one node
  | "space" // every node that could run it is busy
  | "gang" // not all of a gang can start now
  | "backoff" // waits before the next try
  | "holding" // a node is silent; its work waits until nothing can still run there
  | "mass-silence" // the same, and longer: so many nodes fell silent together that it is likely the link
  | "paused"; // the nodes are paused, drained or under pressure

/** Cluster → Broker. */
export interface Report {
  cluster: string;
  incarnation: number;
  rev: number;
  /** all of them, the last one is `default` */
  partitions: PartitionLevel[];
  /** nodes up, silent, and in all */
  nodes: NodeLevel;
  jobs: JobReport[];
  /** of which the Broker does not know all; absent: none */
  frameworks?: FrameworkReport[];
  /** what happened to nodes and partitions since the last report that was answered */
  events: ClusterEvent[];
  /** what was used in each partition, cumulative since `usedSince` */
  used: Use[];
  /** incarnation in which the counting began: rises when the counters were lost */
  usedSince: number;
}

export interface NodeLevel {
  up: number;
  silent: number;
  total: number;
  /** shall be empty, and are not silent; absent: none */
  drained?: number;
  /** absent: the cluster as a whole is not drained */
  drain?: DrainView;
}

/** A partition as the round needs it. */
export interface PartitionLevel {
  name: string;
  owner: string | null;
  /** a budget on nodes that other partitions have too */
  isSlice: boolean;
  price: number;
  speed: number;
  /** whatever state its nodes are in */
  total: Resources;
  /** what may be in use at once: the total less what is down or taken by attempts that are not this league's to give */
  usable: Resources;
  /** held by offers to frameworks, of what is usable */
  offered: Resources;
  /** of the total, roles outside of the owner's subtree may use at most this; a resource that is not named: all */
  lendable: Resources;
  /** its nodes that are up */
  shapes: Shape[];
  /** what is free on them for frameworks, beside what is offered; absent: no framework is known here */
  rooms?: FreeRoom[];
}

/** What a role used in a partition while `lender` owned it; null: nobody did. */
export interface Use {
  partition: string;
  lender: string | null;
  role: string;
  /** how long its attempts ran, added up */
  taskMs: number;
  /** milli-unit · ms */
  resourceMs: Resources;
}

export interface ClusterEvent {
  type:
    | "node.joined"
    | "node.silent"
    | "node.back"
    | "node.removed"
    | "node.draining"
    | "node.drained"
    | "node.undrained"
    | "cluster.draining"
    | "cluster.drained"
    | "cluster.undrained"
    | "cluster.drill-started"
    | "cluster.drill-ended"
    | "partition.changed"
    | "partition.removed"
    | "cluster.mass-silence"
    | "task.reclaimed";
  node?: string;
  /** of which tasks were stopped */
  job?: string;
  detail?: string;
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
  /** absent: of none */
  frameworks?: FrameworkGrant[];
  /** that the league does not have: what has nothing running here is to be forgotten; absent: none */
  unknownFrameworks?: string[];
}
