/**
 * Mesos' operator API, to read: `POST /api/v1`, and the older endpoints that tools and dashboards ask. All clusters of a
 * league are one Mesos cluster here. Off unless the deployment is bound or a request has credentials.
 */
import { type Context, Hono } from "hono";
import { READERS } from "../../api/auth.ts";
import { readBytes } from "../../api/body.ts";
import type { ApiEnv } from "../../api/env.ts";
import { VERSIONS } from "../../api/service.ts";
import { primed, streamOf } from "../../api/stream.ts";
import { accessOf } from "../access.ts";
import { contentTypeError, methodError } from "../envelope.ts";
import { masterInfoJson } from "../events/events.ts";
import type { Json } from "../events/offeredResources.ts";
import { plainText, problemsAsText } from "../plainText.ts";
import { bindingOf, heartbeatMsOf } from "../settings.ts";
import { slaves } from "./agents.ts";
import { answerTo } from "./answers.ts";
import { readOperatorCall } from "./call.ts";
import { frameworks } from "./frameworks.ts";
import { LeagueLook } from "./leagueLook.ts";
import type { Look } from "./look.ts";
import { flagsOf } from "./master.ts";
import { figuresOf } from "./metrics.ts";
import { getWeights, oldRoles, quotaStatus } from "./roles.ts";
import { oldState, stateSummary } from "./state.ts";
import { openInbox, operatorRecords } from "./stream.ts";
import { tasksPage } from "./tasks.ts";

const MAX_BODY_BYTES = 2 ** 20;

/** Before Hansa's own routes: it lets `/health` through to them where nobody may know of it. */
export const operator = new Hono<ApiEnv>();
operator.onError(problemsAsText("mesos-master-readonly"));

const isBound = (c: Context<ApiEnv>): boolean => bindingOf(c.env) !== null;
const urlOf = (c: Context<ApiEnv>): URL => new URL(c.req.url);

async function lookOf(c: Context<ApiEnv>): Promise<Look> {
  const { league, role } = await accessOf(c, READERS);
  return new LeagueLook(c.env, { league, role });
}

for (const path of ["/api/v1", "/master/api/v1", "/api/v1/operator"]) operator.all(path, answer);

async function answer(c: Context<ApiEnv>): Promise<Response> {
  const look = await lookOf(c);
  const early = methodError(c.req.method) ?? contentTypeError(c.req.header("content-type"));
  if (early) return plainText(early);
  const body = new TextDecoder().decode(await readBytes(c.req.raw, MAX_BODY_BYTES));
  const type = readOperatorCall(body, c.req.header("accept"));
  if (typeof type !== "string") return plainText(type);
  if (type === "SUBSCRIBE") return subscribe(c, look);
  return c.json(await answerTo(type, look, urlOf(c), isBound(c)));
}

async function subscribe(c: Context<ApiEnv>, { viewer }: Look): Promise<Response> {
  const request = { env: c.env, viewer, url: urlOf(c), heartbeatMs: heartbeatMsOf(c.env) };
  const inbox = await openInbox(c.env, viewer.league, c.req.raw.signal);
  const records = await primed(operatorRecords(request, inbox));
  return new Response(streamOf(records), {
    headers: { "content-type": "application/json", "cache-control": "no-transform" },
  });
}

/** Each also below `/master`. */
const ENDPOINTS: Record<string, (look: Look, c: Context<ApiEnv>) => Promise<Json> | Json> = {
  "/state": (look, c) => oldState(look, urlOf(c), isBound(c)),
  "/state-summary": (look, c) => stateSummary(look, urlOf(c)),
  "/slaves": (look, c) => slaves(look, c.req.query("slave_id") ?? null),
  "/frameworks": (look, c) => frameworks(look, c.req.query("framework_id") ?? null),
  "/tasks": (look, c) => tasksPage(look, c.req.query()),
  "/roles": (look) => oldRoles(look),
  "/weights": async (look) => Object((await getWeights(look)).weight_infos),
  "/quota": (look) => quotaStatus(look),
  "/flags": (look, c) => ({ flags: flagsOf(look.viewer, isBound(c)) }),
  "/metrics/snapshot": (look) => figuresOf(look),
};

for (const [path, read] of Object.entries(ENDPOINTS))
  for (const prefix of ["", "/master"])
    operator.get(`${prefix}${path}`, async (c) => c.json(await read(await lookOf(c), c)));

for (const prefix of ["", "/master"]) {
  operator.get(`${prefix}/health`, async (c, next) => {
    if (c.req.header("authorization") === undefined && !isBound(c)) return next();
    await accessOf(c, READERS);
    return c.body(null, 200);
  });
  // There is one master, and whoever asks has found it.
  operator.get(`${prefix}/redirect`, async (c) => {
    await accessOf(c, READERS);
    const { hostname, port } = masterInfoJson(urlOf(c));
    return c.body(null, 307, { location: `//${hostname}:${port}` });
  });
}

/** `/version` is Hansa's own route. */
operator.get("/master/version", (c) => c.json(VERSIONS));
