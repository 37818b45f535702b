/** Rows of a Cluster. JSON columns hold what is only ever read and written whole. */
import { integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { DrilledTask } from "../model/drillView.ts";
import type { Piece } from "../model/framework.ts";
import type { Template } from "../model/job.ts";
import { type PartitionSpec, REST } from "../model/partition.ts";
import type { Resources } from "../model/resources.ts";
import type { EndReason, TaskState } from "../model/states.ts";
import type { Inventory, StopReason } from "../protocol/agent.ts";
import type { AcceptAnswer, FrameworkGrant, FrameworkLevel } from "../protocol/frameworks.ts";
import type { Claim, Counts, Returned, Supply, Yields } from "../protocol/levels.ts";
import type { Learned } from "../scheduling/packing/learned.ts";
import type { Launched } from "./frameworks/launched.ts";
import type { FrameworkNotes } from "./frameworks/notes.ts";

/** Nothing new is placed, and what runs is stopped at the deadline; by this object's clock. */
export interface Drain {
  sinceMs: number;
  deadlineMs: number;
  /** used again then; null: when a person says so */
  untilMs: number | null;
  /** since when nothing is left there, once that was told; null: it was not */
  emptyAtMs: number | null;
}

/** A fire drill: while it lasts no node is heard. By this object's clock. */
export interface Drill {
  startedAtMs: number;
  /** it ends by itself then */
  untilMs: number;
  /** null: it lasts */
  endedAtMs: number | null;
  /** since when its report stands; null: it does not yet */
  finalAtMs: number | null;
  /** nodes that were heard before, and attempts that were live */
  nodes: number;
  live: number;
  /** nodes that were silent before, by name */
  silent: string[];
  /** those that were not heard again when the report was made */
  missing: string[];
}

/** What is known of an attempt as a drill begins. */
export interface DrilledStart {
  /** the deadline does not come later than so long after its node was last heard; null: it has none */
  stopAfterMs: number | null;
  /** it is given up after so much silence; null: never */
  lostAfterMs: number | null;
  isOnce: boolean;
  /** null: it was adopted, and nobody knows since when it runs */
  assignedAtMs: number | null;
  /** when its node was heard, and to be heard again at the latest */
  seenAtMs: number;
  dueAtMs: number;
}

/** What happened to it since. */
export interface DrilledFate {
  lostAtMs?: number;
  /** for so long at least it had been held here when it was given up */
  heldMs?: number;
  /** how it ended, as its node told */
  end?: { state: string; reason: string | null; ranMs: number | null };
  /** its node still had it when the report was made, although it was given up */
  stillRan?: true;
  /** as the report tells */
  became?: DrilledTask["became"];
}

/** Why an attempt is stopped that will be tried again. */
export type StopCause = Extract<StopReason, "reclaimed" | "drained" | "gang">;

/** What is needed to keep an attempt that is no longer its task's newest. */
export interface Leaving {
  epoch: number;
  node: string;
  session: number;
  partition: string;
  lender: string | null;
  assignedAt: number;
  devices: readonly number[];
  ports: readonly number[];
  /** it is stopped then, by this object's clock; null: nothing is known to run in its place */
  leavesAtMs: number | null;
}

export interface GangWaits {
  untilMs?: number;
  isCalled?: true;
  besideSince?: number;
}

export interface Waits {
  /** by kind and partition, parted by a space: since when it may have room made */
  claims?: Record<string, number>;
  /** by number */
  gangs?: Record<string, GangWaits>;
  /** until then others have their turn */
  restUntil?: number;
  /** of gangs that were given back: partitions where they found no places */
  lacksIn?: readonly string[];
  /** and where something is otherwise since */
  mayFitIn?: readonly string[];
  /** since when it has room by its limits and no place */
  starvedAt?: number;
}

/** One row: what the object knows of itself. */
export const self = sqliteTable("self", {
  id: integer().primaryKey(),
  /** ms since 1970 when created or restored: rises with each */
  incarnation: integer().notNull(),
  generation: integer().notNull(),
  /** reports below this rev may have been sent */
  revBlock: integer("rev_block").notNull(),
  /** silence counted for work that is known only from the Broker; -1: none ever was */
  recoverMs: integer("recover_ms").notNull(),
  /** rows were lost, in a league that no backup was restored in: what nodes run and no row names is theirs to go on with */
  renewsUnknown: integer("renews_unknown", { mode: "boolean" }).notNull(),
  /** newest incarnation of the Broker that spoke */
  broker: integer().notNull(),
  /** incarnation in which the counters of use began */
  usedSince: integer("used_since").notNull().default(0),
  /** the whole cluster is to be empty */
  drain: text({ mode: "json" }).$type<Drain>(),
  /** since when work waits and no node is up, by this object's clock; null: some is, or nothing waits */
  noNodesSince: integer("no_nodes_since"),
  /** the last fire drill, or the one that lasts */
  drill: text({ mode: "json" }).$type<Drill>(),
  /** the newest that drained something or began a drill: a late copy does nothing */
  requests: text({ mode: "json" }).$type<string[]>().notNull().default([]),
});

export const node = sqliteTable("node", {
  name: text().primaryKey(),
  /** the node's own random join key: a repeated join finds its node */
  joinKey: text("join_key").notNull(),
  serial: integer().notNull(),
  session: integer().notNull(),
  nonce: text().notNull(),
  boot: text().notNull(),
  inventory: text({ mode: "json" }).$type<Inventory | null>(),
  paused: integer({ mode: "boolean" }).notNull(),
  removed: integer({ mode: "boolean" }).notNull(),
  drain: text({ mode: "json" }).$type<Drain>(),
});

/** What the Broker last said of a job, and what goes back to it. */
export const grant = sqliteTable("grant", {
  job: text().primaryKey(),
  gen: integer().notNull(),
  action: text().$type<"run" | "cancel">().notNull(),
  limits: text({ mode: "json" }).$type<Counts>().notNull().default({}),
  supply: text({ mode: "json" }).$type<Supply[]>().notNull(),
  returned: text({ mode: "json" }).$type<Returned[]>().notNull(),
  template: text({ mode: "json" }).$type<Template>().notNull(),
  /** the Broker said that the job is over */
  ended: integer({ mode: "boolean" }).notNull(),
  claim: text({ mode: "json" }).$type<Claim>(),
  yields: text({ mode: "json" }).$type<Yields>(),
  waits: text({ mode: "json" }).$type<Waits>(),
  /** the one task of it was launched by a framework; null: it is the Broker's to grant */
  launched: text({ mode: "json" }).$type<Launched>(),
});

/** What the Broker last said of a framework, and what is noted of it here. */
export const framework = sqliteTable("framework", {
  id: text().primaryKey(),
  gen: integer().notNull(),
  level: text({ mode: "json" }).$type<FrameworkLevel>().notNull(),
  limits: text({ mode: "json" }).$type<FrameworkGrant["limits"]>().notNull(),
  /** incarnation of which its Framework object was told all */
  toldWhole: integer("told_whole").notNull(),
  notes: text({ mode: "json" }).$type<FrameworkNotes>().notNull(),
});

/** An offer that is neither answered nor given back. */
export const offer = sqliteTable("offer", {
  id: text().primaryKey(),
  framework: text().notNull(),
  role: text().notNull(),
  node: text().notNull(),
  partition: text().notNull(),
  pieces: text({ mode: "json" }).$type<readonly Piece[]>().notNull(),
  heldUntil: integer("held_until").notNull(),
});

/** What a framework's role refused at once, on nodes by name. */
export const refusal = sqliteTable(
  "refusal",
  {
    framework: text().notNull(),
    role: text().notNull(),
    /** rises with each */
    seq: integer().notNull(),
    until: integer().notNull(),
    refused: text({ mode: "json" }).$type<Resources>().notNull(),
    nodes: text({ mode: "json" }).$type<readonly string[]>().notNull(),
  },
  (t) => [primaryKey({ columns: [t.framework, t.role, t.seq] })],
);

/** What an answered accept was answered: a repeated one has the same. */
export const accepted = sqliteTable(
  "accepted",
  {
    framework: text().notNull(),
    id: text().notNull(),
    at: integer().notNull(),
    answer: text({ mode: "json" }).$type<AcceptAnswer>().notNull(),
  },
  (t) => [primaryKey({ columns: [t.framework, t.id] })],
);

/** A part of a node that is set aside for a role, in use or not. */
export const reservation = sqliteTable(
  "reservation",
  {
    node: text().notNull(),
    key: text().notNull(),
    piece: text({ mode: "json" }).$type<Piece>().notNull(),
    /** the league's name of its role, and the partition that it takes from */
    role: text().notNull(),
    partition: text().notNull(),
  },
  (t) => [primaryKey({ columns: [t.node, t.key] })],
);

/** One row per task that was handed out here: its newest attempt. */
export const task = sqliteTable(
  "task",
  {
    job: text().notNull(),
    index: integer().notNull(),
    epoch: integer().notNull(),
    /** `waiting`: to be tried again; `returned`: given back to the Broker */
    state: text().$type<TaskState | "returned">().notNull(),
    attemptsUsed: integer("attempts_used").notNull(),
    node: text().notNull(),
    /** session that last claimed it, and (session, seq) of the poll whose reply first carried it */
    session: integer().notNull(),
    carriedSession: integer("carried_session").notNull(),
    carriedSeq: integer("carried_seq").notNull(),
    /** waiting: not before this time (ms, this object's clock); of what a drain stopped: when that was */
    notBefore: integer("not_before").notNull(),
    item: text(),
    partition: text().notNull().default(REST),
    /** the partition's owner when it was handed out */
    lender: text(),
    /** by this object's clock */
    assignedAt: integer("assigned_at").notNull().default(0),
    /** of the node's gpus, by number */
    devices: text({ mode: "json" }).$type<readonly number[]>(),
    ports: text({ mode: "json" }).$type<readonly number[]>(),
    /** why it was told to stop although its job goes on */
    stopping: text().$type<StopCause>(),
    /** an earlier attempt that runs on until this one does: only of jobs that allow two */
    leaving: text({ mode: "json" }).$type<Leaving>(),
    reason: text().$type<EndReason>(),
    code: integer(),
    signal: text(),
    message: text(),
    ranMs: integer("ran_ms"),
    stdoutBytes: integer("stdout_bytes"),
    stderrBytes: integer("stderr_bytes"),
  },
  (t) => [primaryKey({ columns: [t.job, t.index] })],
);

/** Ended attempts that did not decide their task. */
export const attempt = sqliteTable(
  "attempt",
  {
    job: text().notNull(),
    index: integer().notNull(),
    epoch: integer().notNull(),
    node: text().notNull(),
    partition: text().notNull().default(REST),
    lender: text(),
    state: text().$type<"succeeded" | "failed" | "cancelled" | "refused" | "lost">().notNull(),
    reason: text().$type<EndReason>(),
    code: integer(),
    signal: text(),
    message: text(),
    ranMs: integer("ran_ms"),
    stdoutBytes: integer("stdout_bytes"),
    stderrBytes: integer("stderr_bytes"),
  },
  (t) => [primaryKey({ columns: [t.job, t.index, t.epoch] })],
);

/** A session of a node that does not speak, and for how long what runs there is waited for: counted in ticks. */
export const silence = sqliteTable(
  "silence",
  {
    node: text().notNull(),
    session: integer().notNull(),
    silentMs: integer("silent_ms").notNull(),
    /** by the clock, when it was to be heard again at the latest; null: not known */
    dueAt: integer("due_at"),
    /** nothing new is placed on the node, and everyone was told */
    isSilent: integer("is_silent", { mode: "boolean" }).notNull().default(false),
  },
  (t) => [primaryKey({ columns: [t.node, t.session] })],
);

/** Attempts that were live when the last drill began. */
export const drilled = sqliteTable(
  "drilled",
  {
    job: text().notNull(),
    index: integer().notNull(),
    epoch: integer().notNull(),
    node: text().notNull(),
    start: text({ mode: "json" }).$type<DrilledStart>().notNull(),
    fate: text({ mode: "json" }).$type<DrilledFate>().notNull(),
  },
  (t) => [primaryKey({ columns: [t.job, t.index, t.epoch] })],
);

/** Partitions that the owner made, and `default` once its policy was changed; a lower position comes first. */
export const partition = sqliteTable("partition", {
  name: text().primaryKey(),
  position: integer().notNull(),
  spec: text({ mode: "json" }).$type<PartitionSpec>().notNull(),
});

/** What jobs that are over have used: milli-unit · ms by partition, its owner then ('' for none), and role. */
export const use = sqliteTable(
  "use",
  {
    partition: text().notNull(),
    lender: text().notNull(),
    role: text().notNull(),
    taskMs: integer("task_ms").notNull(),
    resourceMs: text("resource_ms", { mode: "json" }).$type<Resources>().notNull(),
  },
  (t) => [primaryKey({ columns: [t.partition, t.lender, t.role] })],
);

/** One row: which shapes of tasks came so far, that packing goes by. */
export const learned = sqliteTable("learned", {
  id: integer().primaryKey(),
  shapes: text({ mode: "json" }).$type<Learned>().notNull(),
});
