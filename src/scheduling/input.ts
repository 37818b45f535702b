/** What a round sees of a league, and what it decides. Plain data: the same for a live round, a test and a benchmark. */
import type { Constraint } from "../model/constraints.ts";
import type { Objective } from "../model/league.ts";
import type { PartitionKey } from "../model/partition.ts";
import type { Resources } from "../model/resources.ts";
import type { RolePolicy } from "../model/role.ts";
import type { FreeRoom, ReturnReason, Shape } from "../protocol/levels.ts";

export interface RoundPartition {
  cluster: string;
  name: string;
  owner: string | null;
  /** a budget on nodes that other partitions have too */
  isSlice: boolean;
  /** what may be in use at once: its total less what is down */
  usable: Resources;
  /** of `usable`, roles outside of the owner's subtree may use at most this; a resource that is not named: all */
  lendable: Resources;
  /** held by offers to frameworks, of what is usable */
  offered: Resources;
  price: number;
  speed: number;
  /** nodes that are up and belong to it, those alike together; slices of the same nodes each name them */
  shapes: readonly Shape[];
  /** what is free on its nodes for frameworks, beside what is offered; absent: nobody asked */
  rooms?: readonly FreeRoom[];
}

/** A role of a framework: what it has, and whether it would take more. */
export interface RoundFramework {
  /** names it, and its framework */
  key: string;
  role: string;
  /** by its tasks, wherever those may be running: nothing takes it back */
  used: ReadonlyMap<PartitionKey, Resources>;
  /** held by its offers; they go when others are to have the room */
  offered: ReadonlyMap<PartitionKey, Resources>;
  /** beyond what it uses, what it may come to use before it hears otherwise; absent: what is offered */
  mayUse?: ReadonlyMap<PartitionKey, Resources>;
  /** where it has refused some of what is free: nodes that it would take, and their amounts */
  takes: ReadonlyMap<PartitionKey, { nodes: number; amounts: Resources }>;
  /** clusters where it has refused all it was offered lately: jobs leave nothing for it there; absent: none */
  idleIn?: ReadonlySet<string>;
  /** `no`: what it holds it keeps · `never`: nor shall it hold anything */
  wants: "more" | "no" | "never";
  /** an offer has any of these at least; none: whatever there is */
  minimum: readonly Resources[];
  /** nodes with gpus are for those who know what to do with them */
  takesGpus: boolean;
  /** offers that were made to it so far: of those alike the lower is next */
  served: number;
}

export interface RoundHeld {
  /** may be running there now, whatever the new limit says */
  charged: number;
  /** so many run there, as its cluster told last; absent: none */
  live?: number;
  /** beyond that it was told that it may have room made for so many; absent: none */
  claimed?: number;
  /** so many may run there at once, with those for which room was made; absent: none was made */
  roomFor?: number;
  /** does not fit there until the partition's shapes change */
  barred: boolean;
  /** why it is barred */
  barredFor?: ReturnReason;
}

/** What a round gives to a job in whole: a task, or, of a job with gangs, a gang. All its counts are of these units. */
export interface RoundJob {
  id: string;
  /** tasks of a unit */
  unit: number;
  /** of a unit */
  demand: Resources;
  constraints: readonly Constraint[];
  role: string;
  driver: string;
  /** null: any */
  clusters: readonly string[] | null;
  /** attributes of which no value may have two of its tasks; `node`: no node may */
  apart: readonly string[];
  /** nodes that it prefers, or with a weight below 0 avoids */
  preferences: readonly { rule: Constraint; weight: number }[];
  /** within its role the higher is served first, and may take the place of the lower */
  priority: number;
  /** units that are not terminal, begun ones too */
  remaining: number;
  /** absent: nothing there */
  held: ReadonlyMap<PartitionKey, RoundHeld>;
  /** how long a task of it runs on a partition of speed 1, if any has ended */
  meanRunMs: number | null;
}

export interface RoundInput {
  partitions: readonly RoundPartition[];
  /** in order of age, oldest first: ties go to the older */
  jobs: readonly RoundJob[];
  /** absent: there are none */
  frameworks?: readonly RoundFramework[];
  /** roles that are configured; every other one has the defaults */
  roles: ReadonlyMap<string, RolePolicy>;
  /** decayed past use by role, already weighted: counts in its share as if it were in use now */
  history: ReadonlyMap<string, Resources>;
  /** where an optimised round would have each job's tasks; followed where there is a choice */
  plan: Plan | null;
  objective: Objective;
}

/** By job and partition, how many of its units at once. */
export type Limits = Map<string, Map<PartitionKey, number>>;
export type Plan = ReadonlyMap<string, ReadonlyMap<PartitionKey, number>>;

/** Why a job got no more than it got. */
export type Stop =
  /** it has all it wants */
  | { kind: "satisfied" }
  /** no partition, were it empty, has a slot for it: nodes, constraints, roles and drivers are for explain to tell */
  | { kind: "no-slot" }
  /** the limit, or guarantee plus borrow limit, of `role` leaves no room for another task */
  | { kind: "over-limit"; role: string; resource: string; bound: "limit" | "borrow" | "lend" }
  /** there is room, but only in what other owners do not lend any more of */
  | { kind: "lend-limit"; partition: PartitionKey; resource: string }
  /** the league is full, and others that have less, or have a right to it, got the room */
  | { kind: "share" }
  /** the league is full, and nobody stands before it */
  | { kind: "space" };

/** Of a job in a partition, for its role's own and for its priority. */
export interface Claimed {
  own: number;
  priority: number;
  /** what is free there must not be counted on: limits leave it to nobody */
  inKind: boolean;
}

/** Of a job in a partition, attempts that may be stopped for others' own, and for higher priority in its role. */
export interface Yielded {
  lent: number;
  lower: number;
  /** so many are left when all those were stopped */
  keep: number;
}

export interface RoundResult {
  /** > 0 only */
  limits: Limits;
  /** what each job would have if nothing ran yet: what is fair. Sums to what progressive filling gave */
  entitled: Limits;
  /** by job and partition, tasks beyond its limits for which others may be stopped: never beyond what it is entitled to */
  claims: Map<string, Map<PartitionKey, Claimed>>;
  /** by job and partition, attempts that may be stopped for those who claim: never of what it is entitled to */
  yields: Map<string, Map<PartitionKey, Yielded>>;
  /** by job */
  stops: Map<string, Stop>;
  /** by role that has jobs, every ancestor too: what its jobs are entitled to, and its share after that */
  roles: Map<string, { entitled: Resources; share: number }>;
  /** by key of a framework's role: what its tasks and offers may have */
  offers: Map<string, Map<PartitionKey, Resources>>;
  /** jobs that want more than they are entitled to, and would fit somewhere if it were empty: an optimised round may help */
  contended: boolean;
}
