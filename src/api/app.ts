/** The HTTP API: every resource, behind what every request must pass. */
import type { Hono } from "hono";
import { agents } from "./agents.ts";
import { type Api, newApi } from "./api.ts";
import { presentToken } from "./auth.ts";
import { limitedBody } from "./body.ts";
import { clusters } from "./clusters.ts";
import { drain } from "./drain.ts";
import { drill } from "./drill.ts";
import type { ApiEnv } from "./env.ts";
import { events } from "./events.ts";
import { frameworks } from "./frameworks.ts";
import { install } from "./install.ts";
import { jobs } from "./jobs.ts";
import { league } from "./league.ts";
import { ledger } from "./ledger.ts";
import { logs } from "./logs.ts";
import { metrics } from "./metrics.ts";
import { nodes } from "./nodes.ts";
import { addOpenApi } from "./openapi.ts";
import { partitions } from "./partitions.ts";
import { plan } from "./plan.ts";
import { notFound, onError } from "./problems.ts";
import { roles } from "./roles.ts";
import { service } from "./service.ts";
import { tasks } from "./tasks.ts";
import { tokens } from "./tokens.ts";

/** @param beside served before the API itself; what it does not answer it lets through */
export function makeApp(beside: readonly Hono<ApiEnv>[] = []): Api {
  const app = newApi();
  app.onError(onError);
  app.notFound(notFound);
  for (const routes of beside) app.route("/", routes);
  app.use("/v1/*", presentToken, limitedBody);
  app.use("/metrics", presentToken);
  app.use("/agent/v1/join", limitedBody);
  app.use("/agent/v1/poll", limitedBody);
  const fleet = [clusters, nodes, drain, drill, partitions];
  const shares = [roles, league, ledger, frameworks];
  for (const resource of [
    service,
    install,
    jobs,
    plan,
    tasks,
    logs,
    ...fleet,
    ...shares,
    tokens,
    events,
    metrics,
    agents,
  ]) {
    app.route("/", resource);
  }
  addOpenApi(app);
  return app;
}
