/** The API's calls by name, their answers parsed by the model's schemas. */
import { z } from "zod";
import type { DrainRequestInput } from "../../src/model/drainRequest.ts";
import type { DrillRequestInput } from "../../src/model/drillRequest.ts";
import {
  type ClusterDrillView,
  clusterDrillSchema,
  type DrillPreview,
  drillPreviewSchema,
} from "../../src/model/drillView.ts";
import { type PlanView, planViewSchema } from "../../src/model/planView.ts";
import {
  type ClusterDrainView,
  type ClusterView,
  clusterDrainSchema,
  clusterViewSchema,
  type ExplainView,
  explainViewSchema,
  type JobView,
  jobViewSchema,
  type NodeView,
  nodeViewSchema,
  type Scope,
  type TaskView,
  type TokenView,
  taskViewSchema,
  tokenViewSchema,
} from "../../src/model/views.ts";
import type { Client } from "./client.ts";

const PAGE_SIZE = 500;

interface Page<T> {
  items: T[];
  next: string | null;
}
const pageOf = <T>(item: z.ZodType<T>): z.ZodType<Page<T>> =>
  z.object({
    items: z.array(item),
    next: z
      .union([z.string(), z.number()])
      .nullable()
      .transform((next) => (next === null ? null : String(next))),
  });

const jobPage = pageOf(jobViewSchema);
const taskPage = pageOf(taskViewSchema);
const nodePage = pageOf(nodeViewSchema);
const clusterPage = pageOf(clusterViewSchema);
const tokenPage = pageOf(tokenViewSchema);

/** @param from cursor after which to begin; null: at the beginning */
async function* pages<T>(client: Client, path: string, schema: z.ZodType<Page<T>>, from: string | null = null) {
  let after = from;
  do {
    const page: Page<T> = await client.get(path, schema, { query: { limit: PAGE_SIZE, after } });
    yield page.items;
    after = page.next;
  } while (after !== null);
}

async function all<T>(client: Client, path: string, schema: z.ZodType<Page<T>>): Promise<T[]> {
  const items: T[] = [];
  for await (const page of pages(client, path, schema)) items.push(...page);
  return items;
}

export const submitJob = (client: Client, spec: object, idempotencyKey: string): Promise<JobView> =>
  client.post("/v1/jobs", jobViewSchema, { body: spec, idempotencyKey });

export const planJob = (client: Client, request: object): Promise<PlanView> =>
  client.post("/v1/plan", planViewSchema, { body: request });

/** @param waitS the answer comes when the job is over, or after so many seconds */
export const getJob = (client: Client, id: string, waitS = 0, signal?: AbortSignal): Promise<JobView> =>
  client.get(`/v1/jobs/${id}`, jobViewSchema, { query: { wait: waitS || null }, ...(signal && { signal }) });

export const listJobs = (
  client: Client,
  query: { prefix?: string; state?: string; limit: number },
): Promise<Page<JobView>> => client.get("/v1/jobs", jobPage, { query });

export const cancelJob = (client: Client, id: string): Promise<JobView> =>
  client.post(`/v1/jobs/${id}/cancel`, jobViewSchema);

export const explainJob = (client: Client, id: string): Promise<ExplainView> =>
  client.get(`/v1/jobs/${id}/explain`, explainViewSchema);

/** Pages of a job's tasks by rising index. @param from first index wanted */
export const tasksOf = (client: Client, id: string, from = 0): AsyncGenerator<TaskView[]> =>
  pages(client, `/v1/jobs/${id}/tasks`, taskPage, from > 0 ? String(from - 1) : null);

export const getTask = (client: Client, id: string): Promise<TaskView> => client.get(`/v1/tasks/${id}`, taskViewSchema);

export const listClusters = (client: Client): Promise<ClusterView[]> => all(client, "/v1/clusters", clusterPage);

export const getCluster = (client: Client, name: string): Promise<ClusterView> =>
  client.get(`/v1/clusters/${name}`, clusterViewSchema);

export const createCluster = (client: Client, name: string, labels: Record<string, string>): Promise<ClusterView> =>
  client.post("/v1/clusters", clusterViewSchema, { body: { name, labels } });

export const removeCluster = (client: Client, name: string): Promise<ClusterView> =>
  client.delete(`/v1/clusters/${name}`, clusterViewSchema);

export const listNodes = (client: Client, cluster: string): Promise<NodeView[]> =>
  all(client, `/v1/clusters/${cluster}/nodes`, nodePage);

export const pauseNode = (client: Client, cluster: string, node: string, paused: boolean): Promise<NodeView> =>
  client.post(`/v1/clusters/${cluster}/nodes/${node}/${paused ? "pause" : "resume"}`, nodeViewSchema);

export const unreserveNode = (client: Client, cluster: string, node: string): Promise<NodeView> =>
  client.post(`/v1/clusters/${cluster}/nodes/${node}/unreserve`, nodeViewSchema);

export const removeNode = (client: Client, cluster: string, node: string): Promise<NodeView> =>
  client.delete(`/v1/clusters/${cluster}/nodes/${node}`, nodeViewSchema);

export const getNode = (client: Client, cluster: string, node: string): Promise<NodeView> =>
  client.get(`/v1/clusters/${cluster}/nodes/${node}`, nodeViewSchema);

export type DrainRequest = DrainRequestInput;

export const drainNode = (client: Client, cluster: string, node: string, body: DrainRequest): Promise<NodeView> =>
  client.post(`/v1/clusters/${cluster}/nodes/${node}/drain`, nodeViewSchema, { body });

export const undrainNode = (client: Client, cluster: string, node: string): Promise<NodeView> =>
  client.delete(`/v1/clusters/${cluster}/nodes/${node}/drain`, nodeViewSchema);

export const drainCluster = (client: Client, cluster: string, body: DrainRequest): Promise<ClusterDrainView> =>
  client.post(`/v1/clusters/${cluster}/drain`, clusterDrainSchema, { body });

export const undrainCluster = (client: Client, cluster: string): Promise<ClusterDrainView> =>
  client.delete(`/v1/clusters/${cluster}/drain`, clusterDrainSchema);

export const getDrain = (client: Client, cluster: string): Promise<ClusterDrainView> =>
  client.get(`/v1/clusters/${cluster}/drain`, clusterDrainSchema);

/** @param length as a person writes it */
export const previewDrill = (client: Client, cluster: string, length: string): Promise<DrillPreview> =>
  client.get(`/v1/clusters/${cluster}/drill/preview`, drillPreviewSchema, { query: { for: length } });

export const startDrill = (client: Client, cluster: string, body: DrillRequestInput): Promise<ClusterDrillView> =>
  client.post(`/v1/clusters/${cluster}/drill`, clusterDrillSchema, { body });

export const endDrill = (client: Client, cluster: string): Promise<ClusterDrillView> =>
  client.delete(`/v1/clusters/${cluster}/drill`, clusterDrillSchema);

export const getDrill = (client: Client, cluster: string): Promise<ClusterDrillView> =>
  client.get(`/v1/clusters/${cluster}/drill`, clusterDrillSchema);

export interface TokenRequest {
  scope: Scope;
  cluster?: string;
  role?: string;
  uses?: number;
  expiresIn?: string;
  note?: string;
}
/** The whole token is in this answer and nowhere else. */
const newTokenSchema = tokenViewSchema.extend({ token: z.string() });
export type NewToken = z.infer<typeof newTokenSchema>;

export const createToken = (client: Client, request: TokenRequest): Promise<NewToken> =>
  client.post("/v1/tokens", newTokenSchema, { body: request });

export const listTokens = (client: Client): Promise<TokenView[]> => all(client, "/v1/tokens", tokenPage);

export const revokeToken = (client: Client, id: string): Promise<TokenView> =>
  client.delete(`/v1/tokens/${id}`, tokenViewSchema);
