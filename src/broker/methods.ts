/** What may be asked of a Broker. Called by the Worker and by Clusters; arguments are already validated. */
import type { Decision } from "../model/decision.ts";
import type { JobSpec } from "../model/job.ts";
import type { LeagueSettings } from "../model/league.ts";
import type { WhatIfRequest } from "../model/planRequest.ts";
import type { PlanView } from "../model/planView.ts";
import type { Ranges } from "../model/ranges.ts";
import type { RolePolicy } from "../model/role.ts";
import type {
  ClusterView,
  EventView,
  ExplainView,
  FrameworkRowView,
  JobView,
  LedgerView,
  RoleView,
  Scope,
  TokenView,
} from "../model/views.ts";
import type { FrameworkAnswer, FrameworkLevel } from "../protocol/frameworks.ts";
import type { Report, ReportAnswer } from "../protocol/levels.ts";

/** Who asks: decided by the Worker from a verified token. */
export interface Caller {
  token: string;
  scope: Scope;
  cluster: string | null;
  role: string | null;
}

/** A repeated key with the same digest gets the first answer, with another digest → `idempotency-key-reused`. */
export interface Idempotency {
  key: string;
  digest: string;
}

export interface Page<T> {
  items: T[];
  next: string | null;
}

/** Of the indices asked for; in none of these: nobody has it. */
export interface Whereabouts {
  ended: Ranges;
  queued: Ranges;
  /** by cluster that has them in its supply, or in which they ended */
  clusters: Record<string, Ranges>;
  /** why those that are queued wait */
  waits: string | null;
}

export interface BrokerMethods {
  /** @returns null when unknown, revoked, expired or used up. `hash`: hex SHA-256 of the whole token */
  auth(args: { id: string; hash: string }): Caller | null;
  createToken(args: {
    id: string;
    hash: string;
    scope: Scope;
    cluster: string | null;
    role: string | null;
    uses: number | null;
    expiresAt: number | null;
    note: string;
    idempotency: Idempotency | null;
  }): TokenView;
  listTokens(args: { after: string | null; limit: number }): Page<TokenView>;
  revokeToken(args: { id: string }): TokenView;
  /** Uses one use of a join token; the same `key` again uses none. */
  redeemJoin(args: { id: string; hash: string; key: string }): { cluster: string } | null;

  /** `id` is derived from the idempotency key, so that a repeated submission finds its job. */
  submit(args: {
    id: string;
    digest: string;
    spec: JobSpec;
    /** absent: however it goes. @throws Problem `plan-changed` when it would go otherwise */
    plan?: Decision;
  }): JobView;
  /** Decides nothing. */
  plan(args: {
    /** `digest` of the spec as it was validated, as for `submit` */
    job: { digest: string; spec: JobSpec } | null;
    whatIf: WhatIfRequest | null;
  }): PlanView;
  job(args: { id: string }): JobView;
  /** `prefix` narrows to ids that start with it */
  jobs(args: { prefix: string; state: string | null; after: string | null; limit: number }): Page<JobView>;
  cancel(args: { id: string }): JobView;
  explain(args: { id: string }): ExplainView;
  /** clusters that hold or held tasks of the job */
  placesOf(args: { id: string }): { clusters: string[]; count: number; items: boolean };

  /** Which clusters have these indices, by job; a job that is not known has no entry. */
  whereabouts(args: { jobs: Record<string, Ranges> }): Record<string, Whereabouts>;

  createCluster(args: { name: string; labels: Record<string, string>; idempotency: Idempotency | null }): ClusterView;
  removeCluster(args: { name: string }): ClusterView;
  clusters(args: { after: string | null; limit: number }): Page<ClusterView>;
  cluster(args: { name: string }): ClusterView;

  roles(args: Record<never, never>): RoleView[];
  role(args: { name: string }): RoleView;
  putRole(args: { name: string; policy: RolePolicy }): RoleView;
  removeRole(args: { name: string }): RoleView;
  league(args: Record<never, never>): LeagueSettings;
  changeLeague(args: Partial<LeagueSettings>): LeagueSettings;
  ledger(args: Record<never, never>): LedgerView;

  events(args: { since: string | null; limit: number; job: string | null }): { events: EventView[]; cursor: string };
  metrics(args: Record<never, never>): Record<string, number>;

  /** By its object, whenever it is otherwise, and now and then. */
  framework(args: FrameworkLevel): FrameworkAnswer;
  frameworks(args: Record<never, never>): FrameworkRowView[];

  report(args: Report): ReportAnswer;
}

/** First message on a Broker's socket; it answers with `EventView`s, oldest first, and goes on as they come. */
export interface WatchEvents {
  watch: { since: string | null; job: string | null };
}
