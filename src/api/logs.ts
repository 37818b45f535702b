/** `/v1/tasks/{id}/logs`: a task's output, byte for byte. */
import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { parseTaskId } from "../model/ids.ts";
import { Problem } from "../model/problems.ts";
import type { TaskView } from "../model/views.ts";
import { newApi } from "./api.ts";
import { callerOf, READERS } from "./auth.ts";
import type { ApiEnv } from "./env.ts";
import { brokerOf, clusterAt, leagueOf, shelfFor } from "./objects.ts";
import { followed, isOver, newestAttempt, readAt, type Source, stored } from "./output.ts";
import { byToken, flagText, numberText, problem404, problem416, problems, taskIdText } from "./schemas.ts";
import { streamOf } from "./stream.ts";
import { findTask } from "./tasks.ts";

/** How often a follower looks whether its task has begun. */
const BEGIN_LOOK_MS = 500;
/** Then the answer is that it has not: the asker may ask again. */
const BEGIN_WAIT_MS = 25_000;

const bytes = z.string().openapi({ type: "string", format: "binary" });
const count = { schema: { type: "integer" as const } };

export const logs = newApi();

logs.openapi(
  createRoute({
    method: "get",
    path: "/v1/tasks/{id}/logs",
    operationId: "readLogs",
    summary: "Read or follow a task's output",
    tags: ["tasks"],
    ...byToken,
    request: {
      params: z.object({ id: taskIdText }),
      query: z.strictObject({
        stream: z.enum(["stdout", "stderr"]).default("stdout"),
        offset: numberText(0, Number.MAX_SAFE_INTEGER).optional().openapi({ description: "First byte wanted." }),
        epoch: numberText(0, Number.MAX_SAFE_INTEGER)
          .optional()
          .openapi({ description: "Which attempt; default: the newest." }),
        follow: flagText.optional().openapi({ description: "Go on until the stream has ended." }),
      }),
    },
    responses: {
      200: {
        description: "Bytes of the stream. The headers tell how it was when the answer began.",
        headers: {
          "hansa-epoch": { description: "The attempt.", ...count },
          "hansa-offset": {
            description: "Where the first byte stands in the stream; bytes before it are not kept any more.",
            ...count,
          },
          "hansa-size": { description: "Bytes of the stream so far.", ...count },
          "hansa-ended": { description: "1: nothing comes after them.", ...count },
          "hansa-verified": { description: "1: ended, and its checksum was right.", ...count },
        },
        content: { "application/octet-stream": { schema: bytes } },
      },
      ...problems,
      ...problem404,
      ...problem416,
    },
  }),
  async (c) => {
    await callerOf(c, READERS);
    const { id } = c.req.valid("param");
    const { stream, offset = 0, epoch: asked, follow = false } = c.req.valid("query");
    const epoch = asked ?? (await newestEpoch(c, id, follow));
    const source = sourceOf(c, id, epoch, stream);
    const first = await readAt(source, offset);
    if (offset > first.size) {
      throw new Problem("offset-mismatch", `${stream} of ${id} has ${first.size} bytes so far`, {
        data: { offset: first.size },
      });
    }
    const ended = first.ended || (await isOver(source, first.size));
    const parts = follow && !ended ? followed(source, first, c.req.raw.signal) : stored(source, first);
    return new Response(streamOf(parts), {
      headers: {
        "content-type": "application/octet-stream",
        "cache-control": "no-store",
        "x-accel-buffering": "no",
        "hansa-epoch": String(epoch),
        "hansa-offset": String(first.offset),
        "hansa-size": String(first.size),
        "hansa-ended": ended ? "1" : "0",
        "hansa-verified": first.verified ? "1" : "0",
      },
    });
  },
);

async function newestEpoch(c: Context<ApiEnv>, id: string, wait: boolean): Promise<number> {
  const untilMs = Date.now() + (wait ? BEGIN_WAIT_MS : 0);
  for (;;) {
    const task = await findTask(c, id);
    const attempt = newestAttempt(task);
    if (attempt) return attempt.epoch;
    if (Date.now() >= untilMs || c.req.raw.signal.aborted || task.state === "cancelled") {
      throw new Problem("not-found", `task ${id} has not begun: there is no output yet`);
    }
    await new Promise((done) => setTimeout(done, BEGIN_LOOK_MS));
  }
}

function sourceOf(c: Context<ApiEnv>, task: string, epoch: number, stream: "stdout" | "stderr"): Source {
  const league = leagueOf(c);
  let known: TaskView | null = null;
  return {
    shelf: shelfFor(c.env, league, task),
    key: { task, epoch, stream },
    async attempt() {
      known = await findTask(c, task);
      return known.attempts.find((attempt) => attempt.epoch === epoch) ?? null;
    },
    async jobEndedAt() {
      return (await brokerOf(c).call("job", { id: parseTaskId(task)?.job ?? "" })).endedAt;
    },
    async hurry() {
      known ??= await findTask(c, task);
      if (known.cluster !== "") await clusterAt(c.env, league, known.cluster).call("follow", { task, epoch });
    },
  };
}
