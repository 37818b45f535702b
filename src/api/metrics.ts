/** `/metrics`: what the league's objects count, for Prometheus or as JSON. */
import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { SHELVES } from "../shelf/shelfOf.ts";
import { newApi } from "./api.ts";
import { callerOf, READERS } from "./auth.ts";
import type { ApiEnv } from "./env.ts";
import { brokerOf, clusterAt, leagueOf, shelfNumber } from "./objects.ts";
import { byToken, json, problems } from "./schemas.ts";

const PAGE = 1000;
/** Counted by the adapter; names that end in `_total` are the objects' own counters. */
const COUNTERS = new Set([
  "requests",
  "messages",
  "alarms",
  "turns",
  "rows_read",
  "rows_written",
  "metrics_requests",
  "puts",
  "put_bytes",
  "reads",
]);

const objectMetrics = z
  .object({
    object: z.enum(["broker", "cluster", "framework", "shelf"]),
    name: z.string(),
    values: z.record(z.string(), z.number()),
  })
  .openapi("ObjectMetrics");
type ObjectMetrics = z.infer<typeof objectMetrics>;

export const metrics = newApi();

metrics.openapi(
  createRoute({
    method: "get",
    path: "/metrics",
    operationId: "readMetrics",
    summary: "Figures of the league's objects",
    description:
      "Counters begin at zero whenever an object is built anew, which may be often: it sleeps when nobody asks.",
    tags: ["service"],
    ...byToken,
    request: { query: z.strictObject({ format: z.enum(["prometheus", "json"]).default("prometheus") }) },
    responses: {
      200: {
        ...json(z.object({ league: z.string(), objects: z.array(objectMetrics) }), "Prometheus text, or JSON."),
        content: {
          "text/plain": { schema: z.string(), example: 'hansa_requests{league="lab",object="broker",name=""} 12\n' },
          "application/json": { schema: z.object({ league: z.string(), objects: z.array(objectMetrics) }) },
        },
      },
      ...problems,
    },
  }),
  async (c) => {
    c.set("purpose", "metrics");
    await callerOf(c, READERS);
    const league = leagueOf(c);
    const objects = await collect(c);
    if (c.req.valid("query").format === "json") return c.json({ league, objects }, 200);
    return c.text(prometheus(league, objects), 200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
  },
);

async function collect(c: Context<ApiEnv>): Promise<ObjectMetrics[]> {
  const league = leagueOf(c);
  const broker = brokerOf(c);
  const { items } = await broker.call("clusters", { after: null, limit: PAGE });
  const shelves = Array.from({ length: SHELVES }, (_, number) => number);
  const all = await Promise.all([
    broker.call("metrics", {}).then((values): ObjectMetrics => ({ object: "broker", name: "", values })),
    ...items.map(async ({ name }): Promise<ObjectMetrics> => {
      return { object: "cluster", name, values: await clusterAt(c.env, league, name, "metrics").call("metrics", {}) };
    }),
    ...shelves.map(async (number): Promise<ObjectMetrics> => {
      return {
        object: "shelf",
        name: String(number),
        values: await shelfNumber(c.env, league, number, "metrics").call("metrics", {}),
      };
    }),
  ]);
  return all.filter(({ values }) => values.in_use !== 0);
}

/** Text exposition format 0.0.4: the samples of one metric stand together. */
export function prometheus(league: string, objects: readonly ObjectMetrics[]): string {
  const names = [...new Set(objects.flatMap(({ values }) => Object.keys(values)))].sort();
  return names
    .map((name) => {
      const type = COUNTERS.has(name) || name.endsWith("_total") ? "counter" : "gauge";
      const samples = objects
        .filter(({ values }) => values[name] !== undefined)
        .map(
          (one) => `hansa_${name}{league="${league}",object="${one.object}",name="${one.name}"} ${one.values[name]}\n`,
        );
      return `# TYPE hansa_${name} ${type}\n${samples.join("")}`;
    })
    .join("");
}
