/** What the API answers with. The schemas are the source of the types, of OpenAPI, and of the CLI's parsing. */
import { z } from "zod";
import { OBJECTIVES } from "./league.ts";
import { REASONS } from "./reasons.ts";

const amounts = z.record(z.string(), z.number()).describe("milli-units: 1000 = one cpu, one MiB, one gpu");
const waitReason = z.enum(REASONS);

export const jobViewSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    state: z.enum(["waiting", "running", "cancelling", "succeeded", "failed", "cancelled"]),
    count: z.number(),
    gang: z.number().nullable().describe("so many of its tasks start together; null: each by itself"),
    role: z.string(),
    counts: z.object({
      waiting: z.number(),
      live: z.number(),
      succeeded: z.number(),
      failed: z.number(),
      cancelled: z.number(),
    }),
    clusters: z.record(
      z.string(),
      z.object({
        limit: z.number(),
        live: z.number(),
        succeeded: z.number(),
        failed: z.number(),
        cancelled: z.number(),
        supply: z.number(),
      }),
    ),
    partitions: z
      .record(z.string(), z.object({ limit: z.number(), live: z.number() }))
      .describe("by CLUSTER/PARTITION: how many may run at once, how many do"),
    borrows: z
      .array(z.object({ partition: z.string(), owner: z.string(), resources: amounts }))
      .describe("what its limits take of partitions that other roles own"),
    waits: z.object({ reason: waitReason, detail: z.string() }).nullable(),
    lastFailure: z.object({ index: z.number(), cluster: z.string(), node: z.string(), message: z.string() }).nullable(),
    resources: amounts,
    command: z.union([z.string(), z.array(z.string())]),
    createdAt: z.number().describe("ms since 1970"),
    endedAt: z.number().nullable(),
  })
  .meta({ id: "Job" });
export type JobView = z.infer<typeof jobViewSchema>;

export const attemptViewSchema = z
  .object({
    epoch: z.number(),
    node: z.string(),
    state: z.enum(["assigned", "running", "stopping", "succeeded", "failed", "cancelled", "refused", "lost"]),
    reason: z.string().nullable(),
    code: z.number().nullable(),
    signal: z.string().nullable(),
    message: z.string().nullable(),
    ranMs: z.number().nullable(),
    stdoutBytes: z.number().nullable(),
    stderrBytes: z.number().nullable(),
  })
  .meta({ id: "Attempt" });
export type AttemptView = z.infer<typeof attemptViewSchema>;

export const taskViewSchema = z
  .object({
    id: z.string(),
    index: z.number(),
    cluster: z.string(),
    state: z.enum(["waiting", "assigned", "running", "stopping", "succeeded", "failed", "cancelled"]),
    item: z.string().nullable(),
    attempts: z.array(attemptViewSchema).describe("newest last"),
  })
  .meta({ id: "Task" });
export type TaskView = z.infer<typeof taskViewSchema>;

export const drainViewSchema = z
  .object({
    left: z.number().describe("attempts that may still run there"),
    deadlineAt: z.number().describe("ms since 1970: what is left then is stopped"),
    endsAt: z.number().nullable().describe("used again then; null: when somebody says so"),
  })
  .meta({ id: "Drain" });
export type DrainView = z.infer<typeof drainViewSchema>;

export const nodeViewSchema = z
  .object({
    name: z.string(),
    cluster: z.string(),
    serial: z.number().describe("rises when the node joins anew"),
    state: z
      .enum(["up", "suspect", "draining", "drained", "paused", "removed"])
      .describe("suspect: silent; nothing new is placed on it; drained: nothing is left that draining waits for"),
    silentMs: z.number(),
    capacity: amounts,
    ports: z.array(z.tuple([z.number(), z.number()])).describe("first and last of each range that tasks may use"),
    used: amounts,
    offered: amounts.describe("held by offers to frameworks"),
    reserved: z.record(z.string(), amounts).describe("by role: set aside for its frameworks, in use or not"),
    attributes: z.record(z.string(), z.string()),
    drivers: z.array(z.string()).describe("what it runs tasks with"),
    attempts: z.number(),
    pressure: z.array(z.string()),
    version: z.string(),
    drain: drainViewSchema
      .extend({ by: z.enum(["node", "cluster"]).describe("cluster: the whole cluster is drained") })
      .nullable(),
  })
  .meta({ id: "Node" });
export type NodeView = z.infer<typeof nodeViewSchema>;

export const clusterViewSchema = z
  .object({
    name: z.string(),
    labels: z.record(z.string(), z.string()),
    state: z.enum(["up", "draining", "drained"]).describe("of the cluster as a whole, whatever its nodes are"),
    nodes: z.object({ up: z.number(), silent: z.number(), drained: z.number(), total: z.number() }),
    drain: drainViewSchema.nullable(),
    partitions: z.array(z.string()),
    capacity: amounts,
    charged: amounts,
    createdAt: z.number(),
  })
  .meta({ id: "Cluster" });
export type ClusterView = z.infer<typeof clusterViewSchema>;

export const clusterDrainSchema = z
  .object({
    cluster: z.string(),
    state: clusterViewSchema.shape.state,
    drain: drainViewSchema.nullable(),
    silent: z.array(z.string()).describe("nodes that are silent: what ran there is waited for as its job says"),
  })
  .meta({ id: "ClusterDrain" });
export type ClusterDrainView = z.infer<typeof clusterDrainSchema>;

export const scopeSchema = z.enum(["admin", "owner", "member", "join"]);
export type Scope = z.infer<typeof scopeSchema>;

export const tokenViewSchema = z
  .object({
    id: z.string(),
    scope: scopeSchema,
    cluster: z.string().nullable(),
    role: z.string().nullable(),
    usesLeft: z.number().nullable(),
    expiresAt: z.number().nullable(),
    revoked: z.boolean(),
    note: z.string(),
    createdAt: z.number(),
  })
  .meta({ id: "Token" });
export type TokenView = z.infer<typeof tokenViewSchema>;

export const roundViewSchema = z
  .object({
    method: z.enum(["greedy", "sifting", "prices"]).describe("how the assignment was found"),
    objective: z.enum(OBJECTIVES),
    value: z.number().describe("of the objective, as decided"),
    bound: z.number().describe("no assignment can have a higher value"),
    gapPct: z.number().describe("100 · (bound − value) / bound"),
    jobs: z.number(),
    partitions: z.number(),
    contended: z.boolean().describe("some job wants more than its share, and would fit"),
    resources: amounts.describe("R: what the league has"),
    taskMs: z.number().describe("T: how long its tasks ran, added up"),
    utilisation: z.record(z.string(), z.number()).describe("U: what of R was used since the broker's object began"),
  })
  .meta({ id: "Round" });
export type RoundView = z.infer<typeof roundViewSchema>;

export const eventViewSchema = z
  .object({
    /** opaque; pass the newest one seen as `since` to go on after it; absent on events that are not stored */
    cursor: z.string().optional(),
    at: z.number(),
    type: z.enum([
      "job.submitted",
      "job.progress",
      "job.ended",
      "cluster.created",
      "cluster.removed",
      "node.joined",
      "node.silent",
      "node.back",
      "node.removed",
      "node.draining",
      "node.drained",
      "node.undrained",
      "cluster.draining",
      "cluster.drained",
      "cluster.undrained",
      "cluster.mass-silence",
      "cluster.drill-started",
      "cluster.drill-ended",
      "task.reclaimed",
      "partition.changed",
      "partition.removed",
      "role.changed",
      "role.removed",
      "framework.joined",
      "framework.changed",
      "framework.left",
      "league.changed",
      "league.restored",
      "round.decided",
      "token.created",
      "token.revoked",
    ]),
    job: z.string().optional(),
    cluster: z.string().optional(),
    node: z.string().optional(),
    state: z.string().optional(),
    counts: jobViewSchema.shape.counts.optional(),
    detail: z.string().optional(),
    round: roundViewSchema.optional(),
  })
  .meta({ id: "Event" });
export type EventView = z.infer<typeof eventViewSchema>;

export const frameworkRowSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    user: z.string(),
    principal: z.string().nullable(),
    state: z
      .enum(["active", "inactive", "removed"])
      .describe("inactive: its stream is lost, its tasks run on; removed: its tasks are being stopped"),
    roles: z.array(
      z.object({
        name: z.string().describe("as the framework calls it"),
        role: z.string(),
        suppressed: z.boolean(),
      }),
    ),
    clusters: z.record(z.string(), z.object({ used: amounts, offered: amounts })),
  })
  .meta({ id: "Framework" });
export type FrameworkRowView = z.infer<typeof frameworkRowSchema>;

export const explainViewSchema = z
  .object({
    job: z.string(),
    state: jobViewSchema.shape.state,
    reason: waitReason.nullable(),
    sentence: z.string(),
    funnel: z.array(z.object({ clause: z.string(), nodes: z.number() })).describe("clause → nodes that survive it"),
    fix: z
      .object({
        text: z.string(),
        change: z.string(),
        startsNow: z.number().describe("tasks that would start at once"),
      })
      .nullable()
      .describe("checked: the same functions were run with the change applied"),
    position: z.number().nullable().describe("jobs that wait in front of it, plus one"),
    estimateMs: z.number().nullable().describe("until its next task starts, if things go on as they did"),
  })
  .meta({ id: "Explain" });
export type ExplainView = z.infer<typeof explainViewSchema>;

export const accountSchema = z
  .object({
    total: amounts,
    free: amounts,
    used: amounts,
    offered: amounts.describe("held by offers to frameworks"),
    reserved: amounts.describe("kept for gangs that are not complete, and for those that room was made for"),
    stopping: amounts.describe("used by attempts that are being stopped"),
    down: amounts.describe("unused, on nodes that take nothing now"),
  })
  .describe("total = free + used + offered + reserved + stopping + down, for each resource");

export const partitionViewSchema = z
  .object({
    cluster: z.string(),
    name: z.string(),
    nodes: z.array(z.string()).describe("constraints that its nodes satisfy"),
    slice: z.record(z.string(), z.string()).nullable().describe("null: whole nodes"),
    owner: z.string().nullable(),
    lend: z
      .union([z.enum(["all", "none"]), z.record(z.string(), z.string())])
      .describe("what others than the owner may use; a resource that is not named: all"),
    pack: z.enum(["pack", "spread"]),
    price: z.number(),
    speed: z.number(),
    nodeCounts: z.object({ up: z.number(), total: z.number() }),
    amounts: accountSchema,
    notes: z.array(z.string()).describe("what looks like a mistake and may yet be meant"),
  })
  .meta({ id: "Partition" });
export type PartitionView = z.infer<typeof partitionViewSchema>;

const bounds = amounts.describe("a resource that is not named is not bounded");
export const roleViewSchema = z
  .object({
    name: z.string(),
    configured: z.boolean().describe("false: it has the defaults"),
    weight: z.number(),
    guarantee: amounts,
    limit: bounds,
    lend: bounds,
    borrow: bounds,
    owns: z.array(z.string()).describe("partitions, as CLUSTER/PARTITION"),
    entitled: amounts.describe("what is fair now"),
    charged: amounts.describe("what its jobs may be using now"),
    history: amounts.describe("past use, decayed"),
    share: z.number().describe("what it borrows of what can be borrowed, by its weight: the lowest is next"),
    jobs: z.number(),
    notes: z.array(z.string()).describe("what looks like a mistake and may yet be meant"),
  })
  .meta({ id: "Role" });
export type RoleView = z.infer<typeof roleViewSchema>;

export const leagueViewSchema = z
  .object({
    objective: z.enum(OBJECTIVES),
    historyHalfLifeMs: z.number(),
    historyWeight: z.number(),
    entryPenaltyMs: z.number(),
    graceMs: z.number(),
    minRunMs: z.number(),
  })
  .meta({ id: "League" });
export type LeagueView = z.infer<typeof leagueViewSchema>;

const resourceSeconds = z.record(z.string(), z.number()).describe("amount · seconds: cpu-seconds, MiB-seconds, …");
export const ledgerViewSchema = z
  .object({
    entries: z
      .array(
        z.object({
          partition: z.string().describe("CLUSTER/PARTITION"),
          lender: z.string().nullable().describe("the role that owned it then; null: nobody's"),
          borrower: z.string(),
          kind: z.enum(["own", "lent", "common"]).describe("own: lender and borrower are of one subtree"),
          resourceSeconds,
        }),
      )
      .describe("who used what of whom"),
    roles: z
      .array(
        z.object({
          role: z.string(),
          used: resourceSeconds,
          own: resourceSeconds,
          common: resourceSeconds,
          borrowed: resourceSeconds,
          lent: resourceSeconds,
        }),
      )
      .describe("used = own + common + borrowed, and over all roles borrowed = lent"),
    balanced: z.boolean(),
  })
  .meta({ id: "Ledger" });
export type LedgerView = z.infer<typeof ledgerViewSchema>;
