/** What the API answers with. The schemas are the source of the types, of OpenAPI, and of the CLI's parsing. */
import { z } from "zod";

const amounts = z.record(z.string(), z.number()).describe("milli-units: 1000 = one cpu, one MiB, one gpu");
const waitReason = z.enum([
  "no-nodes",
  "never-fits",
  "constraint",
  "not-accepted",
  "space",
  "fragmented",
  "backoff",
  "holding",
  "paused",
  "granting",
]);

export const jobViewSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    state: z.enum(["waiting", "running", "cancelling", "succeeded", "failed", "cancelled"]),
    count: z.number(),
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

export const nodeViewSchema = z
  .object({
    name: z.string(),
    cluster: z.string(),
    state: z.enum(["up", "suspect", "paused", "removed"]).describe("suspect: silent; nothing new is placed on it"),
    silentMs: z.number(),
    capacity: amounts,
    used: amounts,
    attributes: z.record(z.string(), z.string()),
    attempts: z.number(),
    pressure: z.array(z.string()),
    version: z.string(),
  })
  .meta({ id: "Node" });
export type NodeView = z.infer<typeof nodeViewSchema>;

export const clusterViewSchema = z
  .object({
    name: z.string(),
    labels: z.record(z.string(), z.string()),
    nodes: z.object({ up: z.number(), silent: z.number(), total: z.number() }),
    capacity: amounts,
    charged: amounts,
    createdAt: z.number(),
  })
  .meta({ id: "Cluster" });
export type ClusterView = z.infer<typeof clusterViewSchema>;

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
      "token.created",
      "token.revoked",
    ]),
    job: z.string().optional(),
    cluster: z.string().optional(),
    node: z.string().optional(),
    state: z.string().optional(),
    counts: jobViewSchema.shape.counts.optional(),
    detail: z.string().optional(),
  })
  .meta({ id: "Event" });
export type EventView = z.infer<typeof eventViewSchema>;

export const explainViewSchema = z
  .object({
    job: z.string(),
    state: jobViewSchema.shape.state,
    reason: waitReason.nullable(),
    sentence: z.string(),
    funnel: z.array(z.object({ clause: z.string(), nodes: z.number() })).describe("clause → nodes that survive it"),
    position: z.number().nullable().describe("jobs that wait in front of it, plus one"),
  })
  .meta({ id: "Explain" });
export type ExplainView = z.infer<typeof explainViewSchema>;
