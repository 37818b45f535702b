/**
 * The level protocol of frameworks. A Framework object tells the Broker what its framework is and wants; the Broker
 * tells each Cluster how much the framework may have there; the Cluster cuts offers, runs what is launched on them, and
 * tells the Framework object of both. Each message states what is, so that a lost or doubled one heals with the next.
 */

import type {
  Capability,
  FrameworkRole,
  InverseOffer,
  MesosTaskState,
  Offer,
  OfferConstraints,
  Operation,
  OperationStatus,
  StatusReason,
} from "../model/framework.ts";
import type { Resources } from "../model/resources.ts";
import type { EndReason } from "../model/states.ts";

/** `active`: it is offered resources · `inactive`: its stream is lost, its tasks run on · `removed`: for ever. */
export type FrameworkState = "active" | "inactive" | "removed";

/** Framework → Broker → Clusters: what a framework is and wants; the higher `rev` holds. */
export interface FrameworkLevel {
  id: string;
  rev: number;
  state: FrameworkState;
  name: string;
  user: string;
  principal: string | null;
  checkpoint: boolean;
  capabilities: readonly Capability[];
  roles: readonly FrameworkWish[];
}

/** Mesos' MIN_CPUS and MIN_MEM: less is not worth an offer, unless a framework says so. */
export const DEFAULT_MINIMUM: readonly Resources[] = [{ cpus: 10 }, { mem: 32_000 }];

/** What is set aside is reported as if a framework of this name used it. */
export const RESERVED = "";

export interface FrameworkWish extends FrameworkRole {
  suppressed: boolean;
  /** rises with each wish to see again what was refused */
  revived: number;
  /** any of these is enough; empty: anything; null: as the league has it */
  minAllocatable: readonly Resources[] | null;
  /** any of these groups is enough; null: every agent */
  constraints: OfferConstraints["roles"][string] | null;
}

/** The Broker's answer. */
export interface FrameworkAnswer {
  /** where the framework may have something */
  clusters: string[];
  /** the Broker's newest rev of it: one that lost its rows takes a higher one */
  rev: number;
}

/** Broker → Cluster, in a GrantMessage. */
export interface FrameworkGrant {
  gen: number;
  level: FrameworkLevel;
  /**
   * by the framework's name of a role, by partition: how much tasks and offers of it may have there together. Of what
   * is not named: nothing
   */
  limits: Readonly<Record<string, Readonly<Record<string, Resources>>>>;
  /** the Cluster says when nothing of it can run any more; absent: nothing was forgotten */
  forgotten?: Forgotten;
}

/** What earlier incarnations of a Cluster may have launched for a framework, and the present one knows nothing of. */
export interface Forgotten {
  /** names it: when more is forgotten, the higher holds for all of it */
  gen: number;
  /** so long it may run after its node was last heard */
  lostAfterMs: number;
}

/** Cluster → Broker, in a Report: a framework that it knows, absolute. */
export interface FrameworkReport {
  framework: string;
  genApplied: number;
  /** the longest that any of its tasks may run after its node was last heard; absent: it launched none lately */
  lostAfterMs?: number;
  /** `gen` of what was forgotten, of which nothing can run any more; absent: none */
  recovered?: number;
  uses: FrameworkUse[];
  /** roles that have refused all they were offered lately; absent: none */
  idle?: string[];
  /** nothing of it is here: a removed framework may be forgotten */
  isGone: boolean;
}

export interface FrameworkUse {
  /** the framework's name of it */
  role: string;
  partition: string;
  /** by tasks that may be running */
  used: Resources;
  /** by offers that are held for it */
  offered: Resources;
  /**
   * what it would take now beyond that, were its limit higher: nodes that are free for it and that it has not refused,
   * and their amounts; null: whatever is free
   */
  takes: { nodes: number; amounts: Resources } | null;
}

// Cluster → Framework.

/** At most one on its way for each framework; what is in it is told until an answer confirms it. */
export interface Tell {
  cluster: string;
  incarnation: number;
  rev: number;
  /** first of an incarnation: every offer and every task is in it, and what is not is no more */
  isWhole: boolean;
  /** new ones */
  offers: Offer[];
  /** offers that were not answered and hold no more */
  rescinded: string[];
  inverseOffers: InverseOffer[];
  rescindedInverse: string[];
  /** those whose state the Framework has not confirmed */
  tasks: TaskLevel[];
  /** agents that are lost to the framework: silent or removed */
  lostAgents: string[];
}

export interface TellAnswer {
  /** removed or never heard of: nothing of it shall be here */
  isKnown: boolean;
  /** false: its offers are not wanted now */
  isActive: boolean;
}

export interface TaskLevel {
  taskId: string;
  agentId: string;
  executorId: string | null;
  /** the task as agents know it, `JOB.INDEX` */
  task: string;
  epoch: number;
  /** rises with each change of this task */
  seq: number;
  state:
    | "staging" // handed to a node, or about to be
    | "running" // its node has shown it
    | "killing"
    | "unreachable" // its node is silent
    | "succeeded"
    | "failed"
    | "cancelled"
    | "refused" // its node does not accept it
    | "lost"; // over as far as anyone here can know, or its node was removed
  reason: EndReason | null;
  code: number | null;
  signal: string | null;
  message: string | null;
  /** when it became so, by the Cluster's clock */
  atMs: number;
  role: string;
  name: string;
  resources: Resources;
  ports: readonly number[];
  ip: string;
  /** once it was not renewed for so long, nothing of it lives; absent: an earlier version's, of a task like most */
  lostAfterMs?: number;
}

const ENDS = new Set<TaskLevel["state"]>(["succeeded", "failed", "cancelled", "refused", "lost"]);
export const isEnd = ({ state }: Pick<TaskLevel, "state">): boolean => ENDS.has(state);

// Framework → Cluster; each is repeated until it is answered.

export interface AcceptRequest {
  framework: string;
  /** of the Framework object's own: a repeated one has the first's answer */
  id: string;
  /** of the Cluster, when it told of the offers */
  incarnation: number;
  offers: string[];
  operations: Operation[];
  refuseMs: number;
}
export interface AcceptAnswer {
  /** tasks that were not launched */
  rejected: Rejection[];
  /** of those operations that have an id and were not done */
  operations: OperationStatus[];
  /** what it did when it was asked first it does not know any more: what was to be launched may run */
  isUnknown?: true;
}
export interface Rejection {
  taskId: string;
  agentId: string | null;
  executorId: string | null;
  state: MesosTaskState;
  reason: StatusReason;
  message: string;
}

export interface DeclineRequest {
  framework: string;
  offers: string[];
  /** null: given back without having been refused */
  refuseMs: number | null;
}
export interface AnswerInverseRequest {
  framework: string;
  inverseOffers: string[];
  isAccepted: boolean;
  refuseMs: number;
}
export interface KillRequest {
  framework: string;
  taskId: string;
  /** null: as the task says */
  graceMs: number | null;
}
/** What the Cluster says of tasks that it does not know. */
export interface AgentStateRequest {
  agentIds: string[];
}
export interface AgentStateAnswer {
  /** by id, of those asked for */
  states: Record<string, AgentState>;
  /** any agent of the cluster is: what is not known may run there */
  isRecovering: boolean;
}
export type AgentState =
  | "registered"
  | "unreachable"
  | "gone" // removed
  | "recovering" // known, and not heard of since the cluster began anew
  | "unknown";
