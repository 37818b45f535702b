/** `/v1/plan`: what would be decided for a job, or in a league that were otherwise, and by which nodes. */
import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import { type Template, templateOf } from "../model/job.ts";
import { parsePartitionKey } from "../model/partition.ts";
import { planRequestSchema } from "../model/planRequest.ts";
import { type PlanPlace, planViewSchema } from "../model/planView.ts";
import { newApi } from "./api.ts";
import { callerOf, roleFor } from "./auth.ts";
import type { ApiEnv } from "./env.ts";
import { digestOf } from "./idempotency.ts";
import { brokerOf, clusterAt, leagueOf } from "./objects.ts";
import { byToken, json, jsonBody, problem413, problems } from "./schemas.ts";

export const plan = newApi();

plan.openapi(
  createRoute({
    method: "post",
    path: "/v1/plan",
    operationId: "planJob",
    summary: "Plan a job, or a change of the league",
    description:
      "A round that is not kept: nothing is written, nothing starts. With its token as `plan`, the job is submitted only if the league still decides the same.",
    tags: ["jobs"],
    ...byToken,
    request: {
      body: jsonBody(planRequestSchema.meta({ id: "PlanRequest" }), {
        job: { command: "sha256sum {}", each: ["a.txt", "b.txt"], resources: { cpus: 0.5, mem: "128MiB" } },
        whatIf: { withoutClusters: ["south"], addNodes: [{ count: 2, resources: { cpus: 8, mem: "32GiB" } }] },
      }),
    },
    responses: { 200: json(planViewSchema, "What would be decided now."), ...problems, ...problem413 },
  }),
  async (c) => {
    const by = await callerOf(c, ["admin", "member"]);
    const { job = null, whatIf = null } = c.req.valid("json");
    if (job === null) return c.json(await brokerOf(c).call("plan", { job, whatIf }), 200);
    const role = roleFor(by, job.role);
    const spec = role === undefined ? job : { ...job, role };
    const asked = { job: { digest: await digestOf("job", spec), spec }, whatIf };
    const view = await brokerOf(c).call("plan", asked);
    // No cluster knows of what is only supposed.
    if (view.job === null || view.whatIf !== null) return c.json(view, 200);
    const places = await withNodes(c, view.job.places, templateOf(spec));
    return c.json({ ...view, job: { ...view.job, places } }, 200);
  },
);

/** Asks each cluster where it would put its tasks. One that does not answer is no reason not to tell the rest. */
async function withNodes(c: Context<ApiEnv>, places: PlanPlace[], template: Template): Promise<PlanPlace[]> {
  const byCluster = Map.groupBy(places, ({ partition }) => parsePartitionKey(partition).cluster);
  const told = await Promise.all(
    [...byCluster].map(async ([cluster, there]) => {
      const counts = Object.fromEntries(there.map((one) => [parsePartitionKey(one.partition).partition, one.tasks]));
      const answer = await clusterAt(c.env, leagueOf(c), cluster)
        .call("preview", { template, counts })
        .catch(() => null);
      if (answer === null) return there;
      return there.map((one): PlanPlace => {
        const nodes = answer.places.flatMap(({ partition, node, tasks }) =>
          partition === parsePartitionKey(one.partition).partition ? [{ node, tasks }] : [],
        );
        const placed = nodes.reduce((n, { tasks }) => n + tasks, 0);
        return { ...one, nodes, withoutNode: answer.isWhole ? one.tasks - placed : null };
      });
    }),
  );
  return told.flat();
}
