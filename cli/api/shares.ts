/** The API's calls about shares by name: partitions, roles, frameworks, the league's settings, the ledger. */
import { z } from "zod";
import type { LeagueRequestInput } from "../../src/model/leagueRequest.ts";
import type { PartitionRequestInput } from "../../src/model/partition.ts";
import type { RolePolicyInput } from "../../src/model/roleRequest.ts";
import {
  type FrameworkRowView,
  frameworkRowSchema,
  type LeagueView,
  type LedgerView,
  leagueViewSchema,
  ledgerViewSchema,
  type PartitionView,
  partitionViewSchema,
  type RoleView,
  roleViewSchema,
} from "../../src/model/views.ts";
import type { Client } from "./client.ts";

const partitionList = z.object({ items: z.array(partitionViewSchema) });
const frameworkList = z.object({ items: z.array(frameworkRowSchema) });
const roleList = z.object({ items: z.array(roleViewSchema) });

const partitionsOf = (cluster: string): string => `/v1/clusters/${encodeURIComponent(cluster)}/partitions`;
const partitionAt = (cluster: string, name: string): string => `${partitionsOf(cluster)}/${encodeURIComponent(name)}`;
/** The slashes of its name are not those of the path. */
const roleAt = (name: string): string => `/v1/roles/${encodeURIComponent(name)}`;

/** In their order; the last one holds the rest. */
export const listPartitions = async (client: Client, cluster: string): Promise<PartitionView[]> =>
  (await client.get(partitionsOf(cluster), partitionList)).items;

export const putPartition = (
  client: Client,
  cluster: string,
  name: string,
  body: PartitionRequestInput,
): Promise<PartitionView> => client.put(partitionAt(cluster, name), partitionViewSchema, { body });

export const removePartition = (client: Client, cluster: string, name: string): Promise<PartitionView> =>
  client.delete(partitionAt(cluster, name), partitionViewSchema);

export const listRoles = async (client: Client): Promise<RoleView[]> => (await client.get("/v1/roles", roleList)).items;

export const getRole = (client: Client, name: string): Promise<RoleView> => client.get(roleAt(name), roleViewSchema);

export const putRole = (client: Client, name: string, body: RolePolicyInput): Promise<RoleView> =>
  client.put(roleAt(name), roleViewSchema, { body });

export const removeRole = (client: Client, name: string): Promise<RoleView> =>
  client.delete(roleAt(name), roleViewSchema);

export const listFrameworks = async (client: Client): Promise<FrameworkRowView[]> =>
  (await client.get("/v1/frameworks", frameworkList)).items;

export const getLeague = (client: Client): Promise<LeagueView> => client.get("/v1/league", leagueViewSchema);

export const changeLeague = (client: Client, body: LeagueRequestInput): Promise<LeagueView> =>
  client.patch("/v1/league", leagueViewSchema, { body });

export const getLedger = (client: Client): Promise<LedgerView> => client.get("/v1/ledger", ledgerViewSchema);
