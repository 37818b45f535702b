/** Rows of a Broker: no row per task. JSON columns hold what is only ever read and written whole. */
import { integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { Template } from "../model/job.ts";
import type { LeagueSettings } from "../model/league.ts";
import type { Resources } from "../model/resources.ts";
import type { RolePolicy } from "../model/role.ts";
import type { JobState } from "../model/states.ts";
import type { EventView, Scope } from "../model/views.ts";
import type { Forgotten, FrameworkGrant, FrameworkLevel, FrameworkReport } from "../protocol/frameworks.ts";
import type {
  Claim,
  Counts,
  JobReport,
  PartitionLevel,
  Report,
  ReturnReason,
  Use,
  Yields,
} from "../protocol/levels.ts";
import type { Held, Queued, Terminal } from "./supply.ts";

/** As it was heard. */
export interface Reported extends JobReport {
  /** by this object's clock: when the last of what silent nodes have is handed out again; absent: nothing is held */
  silentUntil?: number;
}

/** As it was heard. */
export interface FrameworkReported extends FrameworkReport {
  /** by the league's role, what may run of what the Cluster has forgotten; absent: nothing */
  forgotten?: Forgotten & { roles: Readonly<Record<string, Resources>> };
}

export const self = sqliteTable("self", {
  id: integer().primaryKey(),
  /** ms since 1970 when created or restored: rises with each */
  incarnation: integer().notNull(),
  generation: integer().notNull(),
  /** time counted since a restore; -1: never restored, or nothing waits for it any more */
  sinceRestoreMs: integer("since_restore_ms").notNull(),
  /** newest job of the backup: what was submitted later cannot have been handed out before */
  restoredOrdinal: integer("restored_ordinal").notNull(),
});

export const job = sqliteTable("job", {
  id: text().primaryKey(),
  /** rises with each submission: age without clocks */
  ordinal: integer().notNull(),
  digest: text().notNull(),
  count: integer().notNull(),
  template: text({ mode: "json" }).$type<Template>().notNull(),
  clusters: text({ mode: "json" }).$type<string[] | null>(),
  hasItems: integer("has_items", { mode: "boolean" }).notNull(),
  state: text().$type<JobState>().notNull(),
  /** indices that no cluster has, oldest first */
  queue: text({ mode: "json" }).$type<Queued[]>().notNull(),
  nextHandout: integer("next_handout").notNull(),
  /** terminal whatever the clusters report: cancelled in the queue, or told by an earlier incarnation of a Cluster */
  banked: text({ mode: "json" }).$type<Terminal>().notNull(),
  createdAt: integer("created_at").notNull(),
  endedAt: integer("ended_at"),
});

/** Items of a job in chunks, so that a job of many stays few rows. */
export const item = sqliteTable(
  "item",
  {
    job: text().notNull(),
    chunk: integer().notNull(),
    items: text({ mode: "json" }).$type<string[]>().notNull(),
  },
  (t) => [primaryKey({ columns: [t.job, t.chunk] })],
);

/** What a cluster may run of a job, and what it last said of it. */
export const grant = sqliteTable(
  "grant",
  {
    job: text().notNull(),
    cluster: text().notNull(),
    gen: integer().notNull(),
    action: text().$type<"run" | "cancel">().notNull(),
    limits: text({ mode: "json" }).$type<Counts>().notNull().default({}),
    supply: text({ mode: "json" }).$type<Held[]>().notNull(),
    /** (incarnation, rev) of `reported` */
    incarnation: integer().notNull(),
    rev: integer().notNull(),
    reported: text({ mode: "json" }).$type<Reported | null>(),
    /** partitions where this class does not fit until the cluster's shapes change */
    barredIn: text("barred_in", { mode: "json" }).$type<Record<string, ReturnReason>>().notNull().default({}),
    claim: text({ mode: "json" }).$type<Claim>(),
    yields: text({ mode: "json" }).$type<Yields>(),
  },
  (t) => [primaryKey({ columns: [t.job, t.cluster] })],
);

export const cluster = sqliteTable("cluster", {
  name: text().primaryKey(),
  labels: text({ mode: "json" }).$type<Record<string, string>>().notNull(),
  incarnation: integer().notNull(),
  rev: integer().notNull(),
  partitions: text({ mode: "json" }).$type<PartitionLevel[]>().notNull().default([]),
  nodes: text({ mode: "json" }).$type<Report["nodes"]>().notNull(),
  removed: integer({ mode: "boolean" }).notNull(),
  createdAt: integer("created_at").notNull(),
});

/** What a framework said of itself last; one that was removed stays until nothing of it is anywhere. */
export const framework = sqliteTable("framework", {
  id: text().primaryKey(),
  level: text({ mode: "json" }).$type<FrameworkLevel>().notNull(),
  /** by its name of a role the league's, also of those that it has left */
  roles: text({ mode: "json" }).$type<Record<string, string>>().notNull(),
});

/** What a framework may have in a cluster, and what the cluster last said of it. */
export const frameworkGrant = sqliteTable(
  "framework_grant",
  {
    framework: text().notNull(),
    cluster: text().notNull(),
    gen: integer().notNull(),
    limits: text({ mode: "json" }).$type<FrameworkGrant["limits"]>().notNull(),
    /** what it may have had before the newest gen, if that is not applied */
    earlier: text({ mode: "json" }).$type<FrameworkGrant["limits"]>().notNull(),
    /** (incarnation, rev) of `reported` */
    incarnation: integer().notNull(),
    rev: integer().notNull(),
    reported: text({ mode: "json" }).$type<FrameworkReported | null>(),
  },
  (t) => [primaryKey({ columns: [t.framework, t.cluster] })],
);

/** Roles that were configured; every other one has the defaults. */
export const role = sqliteTable("role", {
  name: text().primaryKey(),
  policy: text({ mode: "json" }).$type<RolePolicy>().notNull(),
});

/** One row: what the league decides for itself. */
export const league = sqliteTable("league", {
  id: integer().primaryKey(),
  settings: text({ mode: "json" }).$type<LeagueSettings>().notNull(),
});

/** What a cluster counted of use: `current` since `since`, `banked` of what it counted before it lost its counters. */
export const ledger = sqliteTable("ledger", {
  cluster: text().primaryKey(),
  since: integer().notNull(),
  current: text({ mode: "json" }).$type<Use[]>().notNull(),
  banked: text({ mode: "json" }).$type<Use[]>().notNull(),
});

/** One row: decayed past use by role, as of `at` on this object's clock. A hint: saved now and then. */
export const history = sqliteTable("history", {
  id: integer().primaryKey(),
  at: integer().notNull(),
  use: text({ mode: "json" }).$type<Record<string, Resources>>().notNull(),
});

export const token = sqliteTable("token", {
  id: text().primaryKey(),
  hash: text().notNull(),
  scope: text().$type<Scope>().notNull(),
  cluster: text(),
  role: text(),
  usesLeft: integer("uses_left"),
  expiresAt: integer("expires_at"),
  revoked: integer({ mode: "boolean" }).notNull(),
  note: text().notNull(),
  createdAt: integer("created_at").notNull(),
});

/** One use of a join token, by the node's own key: a repeated join uses none. */
export const joinUse = sqliteTable("join_use", { token: text().notNull(), key: text().notNull() }, (t) => [
  primaryKey({ columns: [t.token, t.key] }),
]);

export const event = sqliteTable("event", {
  seq: integer().primaryKey({ autoIncrement: false }),
  at: integer().notNull(),
  body: text({ mode: "json" }).$type<Omit<EventView, "cursor" | "at">>().notNull(),
});

/** Answers of POSTs that are not a job's submission (a job's id is made of its key). */
export const idempotency = sqliteTable("idempotency", {
  key: text().primaryKey(),
  digest: text().notNull(),
  answer: text({ mode: "json" }).$type<unknown>().notNull(),
  at: integer().notNull(),
});
