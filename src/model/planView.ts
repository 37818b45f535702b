/** What a plan says. Amounts and times as in views.ts. */
import { z } from "zod";
import { explainViewSchema, jobViewSchema, roundViewSchema } from "./views.ts";

const placeSchema = z.object({
  partition: z.string().describe("CLUSTER/PARTITION"),
  tasks: z.number().describe("that would start there"),
  nodes: z
    .array(z.object({ node: z.string(), tasks: z.number() }))
    .nullable()
    .describe("where the cluster would put them if they came now: a forecast; null: not asked, or it did not answer"),
  withoutNode: z
    .number()
    .nullable()
    .describe("of the tasks, so many for which no node has room right now; null: not known"),
});
export type PlanPlace = z.infer<typeof placeSchema>;

const plannedJobSchema = z.object({
  name: z.string(),
  role: z.string(),
  count: z.number(),
  startsNow: z.number(),
  waits: z.number(),
  places: z.array(placeSchema),
  borrows: jobViewSchema.shape.borrows,
  preempts: z
    .array(z.object({ job: z.string(), role: z.string(), partition: z.string(), tasks: z.number() }))
    .describe("tasks of others that may be stopped for it"),
  why: explainViewSchema
    .pick({ sentence: true, funnel: true, fix: true })
    .extend({ reason: explainViewSchema.shape.reason.unwrap(), position: z.number() })
    .nullable()
    .describe("of those that wait; null: all start"),
  nextStartMs: z.number().nullable().describe("until the next one would start, if things go on as they did"),
  doneMs: z.number().nullable().describe("until all would be over; only known if such a job has run before"),
});
export type PlannedJob = z.infer<typeof plannedJobSchema>;

const addedNodesSchema = z.object({
  count: z.number(),
  cluster: z.string(),
  partition: z.string(),
  resources: z.record(z.string(), z.number()).describe("of one node, in milli-units"),
  attributes: z.record(z.string(), z.string()),
});

export const planViewSchema = z
  .object({
    job: plannedJobSchema.nullable(),
    others: z
      .array(
        z.object({
          job: z.string(),
          name: z.string(),
          role: z.string(),
          before: z.number().describe("tasks that may run at once now"),
          after: z.number().describe("tasks that might at once then"),
          due: z.number().describe("what that comes to as tasks end: its fair part"),
        }),
      )
      .describe("jobs that would get less; of a plan without a job, all of them"),
    round: roundViewSchema.pick({
      method: true,
      objective: true,
      value: true,
      bound: true,
      gapPct: true,
      contended: true,
    }),
    whatIf: z
      .object({ withoutClusters: z.array(z.string()), addNodes: z.array(addedNodesSchema) })
      .nullable()
      .describe("what would be otherwise, with all that was left out"),
    token: z.string().nullable().describe("submit the job with it as `plan`; null: nothing to submit, or a what-if"),
  })
  .meta({ id: "Plan" });
export type PlanView = z.infer<typeof planViewSchema>;
