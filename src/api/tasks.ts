/** `/v1/tasks`: one task with its attempts. */
import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { MAX_TASKS, parseTaskId } from "../model/ids.ts";
import { Problem } from "../model/problems.ts";
import { isTerminal } from "../model/states.ts";
import { type TaskView, taskViewSchema } from "../model/views.ts";
import { newApi } from "./api.ts";
import { callerOf, READERS } from "./auth.ts";
import type { ApiEnv } from "./env.ts";
import { brokerOf, clusterAt, leagueOf } from "./objects.ts";
import { byToken, json, problem404, problems, taskIdText } from "./schemas.ts";
import { merged } from "./taskMerge.ts";

export const tasks = newApi();

tasks.openapi(
  createRoute({
    method: "get",
    path: "/v1/tasks/{id}",
    operationId: "getTask",
    summary: "Look at a task and its attempts",
    tags: ["tasks"],
    ...byToken,
    request: { params: z.object({ id: taskIdText }) },
    responses: { 200: json(taskViewSchema, "The task as it is now."), ...problems, ...problem404 },
  }),
  async (c) => {
    await callerOf(c, READERS);
    return c.json(await findTask(c, c.req.valid("param").id), 200);
  },
);

/** @throws Problem `not-found` when there is no such job, or it has no such index */
export async function findTask(c: Context<ApiEnv>, id: string): Promise<TaskView> {
  const parsed = parseTaskId(id);
  if (!parsed || parsed.index >= MAX_TASKS) throw new Problem("not-found", `there is no task ${id}`);
  const { job, index } = parsed;
  const { clusters, count } = await brokerOf(c).call("placesOf", { id: job });
  if (index >= count) {
    throw new Problem("not-found", `job ${job} has ${count} tasks: ${job}.0 to ${job}.${count - 1}`);
  }
  const ask = (name: string) => clusterAt(c.env, leagueOf(c), name).call("task", { job, index });
  const views = (await Promise.all(clusters.map(ask))).filter((view) => view !== null);
  return views.length > 0 ? merged(views) : withoutCluster(c, id, job, index);
}

/** No cluster has it: it waits in the job's queue, or the job was over before it ever left. */
async function withoutCluster(c: Context<ApiEnv>, id: string, job: string, index: number): Promise<TaskView> {
  const { state } = await brokerOf(c).call("job", { id: job });
  const over = isTerminal(state) || state === "cancelling";
  return { id, index, cluster: "", state: over ? "cancelled" : "waiting", item: null, attempts: [] };
}
