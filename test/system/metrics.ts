/** The counters that budgets are held against, read from GET /metrics. */
import { z } from "zod";
import type { Client } from "../../cli/api/client.ts";

export interface Counters {
  requests: number;
  messages: number;
  alarms: number;
  rowsWritten: number;
}

const ZERO: Counters = { requests: 0, messages: 0, alarms: 0, rowsWritten: 0 };

export interface LeagueCounters {
  broker: Counters;
  clusters: Counters;
  shelves: Counters;
  /** when each object was built: counters begin anew with each building */
  built: string;
}

const metricsSchema = z.object({
  objects: z.array(
    z.object({
      object: z.enum(["broker", "cluster", "framework", "shelf"]),
      name: z.string(),
      values: z.record(z.string(), z.number()),
    }),
  ),
});
type ObjectMetrics = z.infer<typeof metricsSchema>["objects"][number];

const countersOf = (objects: readonly ObjectMetrics[]): Counters =>
  objects.reduce(
    (sum, { values: { requests = 0, messages = 0, alarms = 0, rows_written = 0 } }) => ({
      requests: sum.requests + requests,
      messages: sum.messages + messages,
      alarms: sum.alarms + alarms,
      rowsWritten: sum.rowsWritten + rows_written,
    }),
    ZERO,
  );

export async function readCounters(client: Client): Promise<LeagueCounters> {
  const { objects } = await client.get("/metrics", metricsSchema, { query: { format: "json" } });
  const of = (kind: ObjectMetrics["object"]) => countersOf(objects.filter(({ object }) => object === kind));
  return {
    broker: of("broker"),
    clusters: of("cluster"),
    shelves: of("shelf"),
    built: objects.map(({ object, name, values }) => `${object}/${name}@${values.built_at_seconds}`).join(" "),
  };
}

const minus = (a: Counters, b: Counters): Counters => ({
  requests: a.requests - b.requests,
  messages: a.messages - b.messages,
  alarms: a.alarms - b.alarms,
  rowsWritten: a.rowsWritten - b.rowsWritten,
});

export const since = (now: LeagueCounters, before: LeagueCounters): Omit<LeagueCounters, "built"> => ({
  broker: minus(now.broker, before.broker),
  clusters: minus(now.clusters, before.clusters),
  shelves: minus(now.shelves, before.shelves),
});
