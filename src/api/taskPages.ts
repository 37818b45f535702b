/** The tasks of a job over all the clusters that have or had any. */
import type { Context } from "hono";
import type { TaskView } from "../model/views.ts";
import type { ApiEnv } from "./env.ts";
import { brokerOf, clusterAt, leagueOf } from "./objects.ts";
import { mergePages } from "./taskMerge.ts";

export interface TaskQuery {
  state: string | null;
  after: number | null;
  limit: number;
}

export async function tasksOf(
  c: Context<ApiEnv>,
  job: string,
  query: TaskQuery,
): Promise<{ items: TaskView[]; next: string | null }> {
  const { clusters } = await brokerOf(c).call("placesOf", { id: job });
  const ask = (name: string) => clusterAt(c.env, leagueOf(c), name).call("tasks", { job, ...query });
  const { items, next } = mergePages(await Promise.all(clusters.map(ask)), query.limit);
  return { items, next: next === null ? null : String(next) };
}
