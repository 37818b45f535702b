/** `/v1/events`: the league's log, as it is stored or as it goes on. */
import { createRoute, z } from "@hono/zod-openapi";
import { type EventView, eventViewSchema } from "../model/views.ts";
import { newApi } from "./api.ts";
import { callerOf, READERS } from "./auth.ts";
import { feed } from "./eventFeed.ts";
import { brokerOf } from "./objects.ts";
import { byToken, flagText, jobId, problem404, problems } from "./schemas.ts";
import { primed, streamOf } from "./stream.ts";

const SSE = "text/event-stream";
const NDJSON = "application/x-ndjson";

export const events = newApi();

events.openapi(
  createRoute({
    method: "get",
    path: "/v1/events",
    operationId: "readEvents",
    summary: "What happened, and what happens",
    description:
      "One JSON object a line; server-sent events when Accept asks for text/event-stream. Every stored event has a cursor: `since` (or Last-Event-ID) goes on after it.",
    tags: ["events"],
    ...byToken,
    request: {
      query: z.strictObject({
        since: z.string().max(200).optional().openapi({
          description: "A cursor. Without: from the oldest; a followed job begins with its present state.",
        }),
        job: jobId.optional(),
        follow: flagText.optional().openapi({ description: "Go on as events come. Server-sent events always do." }),
      }),
    },
    responses: {
      200: {
        description: "Events, oldest first.",
        content: {
          [NDJSON]: { schema: eventViewSchema },
          [SSE]: { schema: z.string(), example: 'event: job.ended\nid: 12\ndata: {"type":"job.ended"}\n\n' },
        },
      },
      ...problems,
      ...problem404,
    },
  }),
  async (c) => {
    await callerOf(c, READERS);
    const { since, job = null, follow = false } = c.req.valid("query");
    const asSse = (c.req.header("accept") ?? "").includes(SSE);
    const query = { since: since ?? c.req.header("last-event-id") ?? null, job, follow: follow || asSse };
    const broker = brokerOf(c);
    if (job !== null) await broker.call("job", { id: job });
    const groups = await primed(feed(broker, query, c.req.raw.signal));
    return new Response(streamOf(asSse ? sseOf(groups) : linesOf(groups)), {
      headers: { "content-type": asSse ? SSE : NDJSON, "cache-control": "no-store", "x-accel-buffering": "no" },
    });
  },
);

async function* linesOf(groups: AsyncGenerator<EventView[]>): AsyncGenerator<string> {
  for await (const group of groups) {
    if (group.length > 0) yield group.map((event) => `${JSON.stringify(event)}\n`).join("");
  }
}

async function* sseOf(groups: AsyncGenerator<EventView[]>): AsyncGenerator<string> {
  for await (const group of groups) yield group.length === 0 ? ": still here\n\n" : group.map(frameOf).join("");
}

function frameOf(event: EventView): string {
  const id = event.cursor === undefined ? "" : `id: ${event.cursor}\n`;
  return `event: ${event.type}\n${id}data: ${JSON.stringify(event)}\n\n`;
}
