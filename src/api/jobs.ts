/** `/v1/jobs`: submit, list, look at, wait for, explain, cancel. */
import { createRoute, z } from "@hono/zod-openapi";
import { submissionSchema } from "../model/planRequest.ts";
import { explainViewSchema, jobViewSchema, taskViewSchema } from "../model/views.ts";
import { newApi } from "./api.ts";
import { callerOf, READERS, roleFor } from "./auth.ts";
import { digestOf, idFrom, keyOr } from "./idempotency.ts";
import { jobAtEnd } from "./jobWait.ts";
import { brokerOf, leagueOf } from "./objects.ts";
import {
  after,
  byToken,
  idempotencyKey,
  jobId,
  json,
  jsonBody,
  limit,
  limitOf,
  numberText,
  pageOf,
  planChanged,
  problem404,
  problem413,
  problem422,
  problems,
} from "./schemas.ts";
import { tasksOf } from "./taskPages.ts";

const MAX_WAIT_S = 25;
const jobPath = z.object({ id: jobId });

export const jobs = newApi();

jobs.openapi(
  createRoute({
    method: "post",
    path: "/v1/jobs",
    operationId: "submitJob",
    summary: "Submit a job",
    description:
      "The id is made of the Idempotency-Key: sent again, the same job is answered, whatever its plan would be now.",
    tags: ["jobs"],
    ...byToken,
    request: {
      headers: idempotencyKey,
      body: jsonBody(submissionSchema.meta({ id: "JobSubmission" }), {
        name: "checksums",
        each: ["a.txt", "b.txt"],
        command: "sha256sum {}",
        resources: { cpus: 0.5, mem: "128MiB" },
        retry: { max: 2, backoff: "1s" },
        timeout: "10m",
      }),
    },
    responses: {
      201: json(jobViewSchema, "The job as it is now."),
      ...problems,
      ...planChanged,
      ...problem413,
      ...problem422,
    },
  }),
  async (c) => {
    const by = await callerOf(c, ["admin", "member"]);
    const { plan, ...given } = c.req.valid("json");
    const role = roleFor(by, given.role);
    const spec = role === undefined ? given : { ...given, role };
    const key = keyOr(c.req.valid("header")["idempotency-key"]);
    const [id, digest] = await Promise.all([idFrom(leagueOf(c), "job", key), digestOf("job", spec)]);
    const view = await brokerOf(c).call("submit", { id, digest, spec, ...(plan && { plan }) });
    return c.json(view, 201, { location: `/v1/jobs/${id}` });
  },
);

jobs.openapi(
  createRoute({
    method: "get",
    path: "/v1/jobs",
    operationId: "listJobs",
    summary: "List jobs, newest first",
    tags: ["jobs"],
    ...byToken,
    request: {
      query: z.strictObject({
        prefix: z
          .string()
          .regex(/^[0-9a-z]{0,16}$/)
          .optional()
          .openapi({ description: "Only ids that begin so." }),
        state: jobViewSchema.shape.state.optional(),
        after,
        limit,
      }),
    },
    responses: { 200: json(pageOf(jobViewSchema), "A page of jobs."), ...problems },
  }),
  async (c) => {
    await callerOf(c, READERS);
    const { prefix = "", state = null, after: from = null, limit: most } = c.req.valid("query");
    return c.json(await brokerOf(c).call("jobs", { prefix, state, after: from, limit: limitOf(most) }), 200);
  },
);

jobs.openapi(
  createRoute({
    method: "get",
    path: "/v1/jobs/{id}",
    operationId: "getJob",
    summary: "Look at a job, or wait for its end",
    tags: ["jobs"],
    ...byToken,
    request: {
      params: jobPath,
      query: z.strictObject({
        wait: numberText(0, MAX_WAIT_S)
          .optional()
          .openapi({ description: "Answer when the job is over, or after so many seconds." }),
      }),
    },
    responses: { 200: json(jobViewSchema, "The job as it is now."), ...problems, ...problem404 },
  }),
  async (c) => {
    await callerOf(c, READERS);
    const { id } = c.req.valid("param");
    const { wait = 0 } = c.req.valid("query");
    return c.json(await jobAtEnd(brokerOf(c), id, wait, c.req.raw.signal), 200);
  },
);

jobs.openapi(
  createRoute({
    method: "get",
    path: "/v1/jobs/{id}/tasks",
    operationId: "listTasks",
    summary: "List a job's tasks that a cluster has, by rising index",
    tags: ["jobs"],
    ...byToken,
    request: {
      params: jobPath,
      query: z.strictObject({
        state: taskViewSchema.shape.state.optional(),
        after: numberText(0, Number.MAX_SAFE_INTEGER)
          .optional()
          .openapi({ description: "The `next` of the page before." }),
        limit,
      }),
    },
    responses: { 200: json(pageOf(taskViewSchema), "A page of tasks."), ...problems, ...problem404 },
  }),
  async (c) => {
    await callerOf(c, READERS);
    const { state = null, after: from = null, limit: most } = c.req.valid("query");
    return c.json(await tasksOf(c, c.req.valid("param").id, { state, after: from, limit: limitOf(most) }), 200);
  },
);

jobs.openapi(
  createRoute({
    method: "get",
    path: "/v1/jobs/{id}/explain",
    operationId: "explainJob",
    summary: "Why a job waits",
    tags: ["jobs"],
    ...byToken,
    request: { params: jobPath },
    responses: {
      200: json(explainViewSchema, "The reason, and how many nodes each rule leaves."),
      ...problems,
      ...problem404,
    },
  }),
  async (c) => {
    await callerOf(c, READERS);
    return c.json(await brokerOf(c).call("explain", { id: c.req.valid("param").id }), 200);
  },
);

jobs.openapi(
  createRoute({
    method: "post",
    path: "/v1/jobs/{id}/cancel",
    operationId: "cancelJob",
    summary: "Cancel a job",
    description: "Final when no cluster has an attempt of it any more. Cancelling again changes nothing.",
    tags: ["jobs"],
    ...byToken,
    request: { params: jobPath, headers: idempotencyKey },
    responses: { 200: json(jobViewSchema, "The job, `cancelling` or over."), ...problems, ...problem404 },
  }),
  async (c) => {
    const caller = await callerOf(c, ["admin", "member"]);
    const { id } = c.req.valid("param");
    const broker = brokerOf(c);
    if (caller.scope === "member") roleFor(caller, (await broker.call("job", { id })).role);
    return c.json(await broker.call("cancel", { id }), 200);
  },
);
