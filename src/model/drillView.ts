/** What a fire drill would do, how one stands, and what became of each task. */
import { z } from "zod";

/** Tasks that are told by name; the counts are of all. */
export const MAX_NAMED = 300;

const named = `at most ${MAX_NAMED}`;

export const drillPreviewSchema = z
  .object({
    cluster: z.string(),
    forMs: z.number(),
    nodes: z.object({
      cut: z.number().describe("nodes that answer now, and will be cut off"),
      silent: z.number().describe("nodes that are silent already"),
    }),
    massHoldMs: z
      .number()
      .describe("so many nodes fall silent together that what ran on them is handed out again so much later; 0: not"),
    counts: z.object({
      live: z.number(),
      stops: z.number(),
      mayStop: z.number(),
      goesOn: z.number(),
      again: z.number().describe("handed out again while it lasts; those that may run twice run twice then"),
    }),
    tasks: z
      .array(
        z.object({
          task: z.string(),
          node: z.string(),
          framework: z.string().nullable().describe("that launched it; null: it is of a job"),
          fate: z
            .enum(["stops", "may-stop", "goes-on"])
            .describe("stops: its deadline is over before the cut is; may-stop: as its node was heard, and comes back"),
          again: z.boolean().describe("handed out again while the drill lasts"),
        }),
      )
      .describe(`${named}, those that stop first`),
  })
  .meta({ id: "DrillPreview" });
export type DrillPreview = z.infer<typeof drillPreviewSchema>;

export const drilledTaskSchema = z
  .object({
    task: z.string(),
    epoch: z.number().describe("of the attempt that was live when the drill began"),
    node: z.string().describe("where that was"),
    became: z
      .enum(["silent", "went-on", "ended", "stopped", "given-up", "not-started"])
      .describe(
        "of that attempt. silent: its node is not heard; stopped: by its node, at its deadline; given-up: the silence was longer than its job allows",
      ),
    reason: z.string().nullable().describe("why it ended"),
    now: z
      .enum(["unknown", "runs", "waits", "ended", "lost"])
      .describe("of the task; lost: it neither runs nor waits anywhere, and has not ended"),
    place: z.string().nullable().describe("CLUSTER/NODE that has its newest attempt"),
    again: z.boolean().describe("a newer attempt was handed out"),
    waits: z.string().nullable().describe("why"),
  })
  .meta({ id: "DrilledTask" });
export type DrilledTask = z.infer<typeof drilledTaskSchema>;

export const drillSchema = z
  .object({
    state: z
      .enum(["on", "settling", "over"])
      .describe("on: the cluster is cut off; settling: its nodes come back; over: the report stands"),
    startedAt: z.number().describe("ms since 1970"),
    endsAt: z.number().describe("the cut; when it ended, if it has"),
    reportBy: z.number().describe("the report stands then at the latest"),
    nodes: z.object({
      cut: z.number(),
      silent: z.number().describe("of them, so many are taken for silent now"),
      back: z.number(),
      missing: z.array(z.string()).describe(`not heard since the cut ended, ${named}`),
    }),
    counts: z.object({
      live: z.number().describe("attempts that were live when it began"),
      followed: z.number().describe("of them, so many are followed; all other counts are of these"),
      silent: z.number(),
      wentOn: z.number(),
      ended: z.number(),
      stopped: z.number(),
      givenUp: z.number(),
      notStarted: z.number(),
      again: z.number().describe("tasks with a newer attempt, here or in another cluster"),
      waiting: z.number().describe("tasks that wait for a place"),
      doubled: z.number().describe("must be 0"),
      lost: z.number().describe("must be 0"),
      late: z.number(),
    }),
    again: z.record(z.string(), z.number()).describe("by cluster, tasks with a newer attempt there"),
    tasks: z.array(drilledTaskSchema).describe(`${named}, those that went on last`),
    doubled: z
      .array(
        z.object({
          task: z.string(),
          node: z.string(),
          byMs: z.number().nullable().describe("lived on for so long at least; null: its node still had it"),
        }),
      )
      .describe(`at-most-one tasks whose attempt lived on when it had been given up and handed out again; ${named}`),
    lost: z.array(z.string()).describe(named),
    late: z
      .array(
        z.object({
          task: z.string(),
          node: z.string(),
          what: z
            .enum(["outlived", "given-up"])
            .describe("outlived: it lived past its deadline; given-up: it was given up later than its job says"),
          byMs: z.number(),
        }),
      )
      .describe(named),
  })
  .meta({ id: "Drill" });
export type DrillView = z.infer<typeof drillSchema>;

export const clusterDrillSchema = z
  .object({
    cluster: z.string(),
    drill: drillSchema.nullable().describe("the one that lasts, or the last one; null: there was none"),
  })
  .meta({ id: "ClusterDrill" });
export type ClusterDrillView = z.infer<typeof clusterDrillSchema>;
