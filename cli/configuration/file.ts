/**
 * A league's configuration as a file: its settings, roles, clusters and their partitions, each as the API's bodies have
 * them. All that is wrong in it is told at once, by field, before anything is changed.
 */
import { type Document, isMap, isScalar, parseDocument } from "yaml";
import { z } from "zod";
import { nameSchema } from "../../src/model/job.ts";
import { labelsSchema } from "../../src/model/labels.ts";
import type { LeagueSettings } from "../../src/model/league.ts";
import { type LeagueRequestInput, leagueRequestSchema, settingsOf } from "../../src/model/leagueRequest.ts";
import {
  type PartitionRequestInput,
  type PartitionSpec,
  partitionRequestSchema,
  REST,
  specOf,
} from "../../src/model/partition.ts";
import { Problem } from "../../src/model/problems.ts";
import type { RolePolicy } from "../../src/model/role.ts";
import { policyOf, type RolePolicyInput, rolePolicySchema, roleSchema } from "../../src/model/roleRequest.ts";
import { checked } from "../shares/checked.ts";

export interface Configuration {
  /** null: not in the file, as for all below */
  league: { body: LeagueRequestInput; settings: Partial<LeagueSettings> } | null;
  roles: { name: string; body: RolePolicyInput; policy: RolePolicy }[] | null;
  clusters: ConfiguredCluster[];
}

export interface ConfiguredCluster {
  name: string;
  labels: Record<string, string> | null;
  /** in the order of the file */
  partitions: { name: string; body: PartitionRequestInput; spec: PartitionSpec }[] | null;
}

const ORDER_IS_POSITION = "not in a file: partitions stand in the order in which it names them";
const REST_HOLDS = "not of default: it holds what no other partition has";

const partitionsSchema = z
  .record(nameSchema, partitionRequestSchema.extend({ position: z.undefined({ error: ORDER_IS_POSITION }).optional() }))
  .superRefine((partitions, ctx) => {
    const rest = partitions[REST];
    for (const field of ["nodes", "slice"] as const) {
      const value = rest?.[field];
      if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) continue;
      ctx.addIssue({ code: "custom", path: [REST, field], message: REST_HOLDS });
    }
  });

const fileSchema = z.strictObject({
  league: leagueRequestSchema.optional(),
  roles: z.record(roleSchema, rolePolicySchema).optional(),
  clusters: z
    .record(nameSchema, z.strictObject({ labels: labelsSchema.optional(), partitions: partitionsSchema.optional() }))
    .optional(),
});
type FileBody = z.input<typeof fileSchema>;

/** @param source the file's name, for messages. @throws Problem that names every wrong field */
export function parseConfiguration(text: string, source: string): Configuration {
  const document = parseDocument(text, { prettyErrors: true });
  if (document.errors.length > 0) {
    const errors = document.errors.map(({ message }) => message.trimEnd()).join("\n");
    throw new Problem("invalid-request", `${source}: ${errors}`);
  }
  const whole: unknown = document.toJS();
  if (!isRecord(whole)) {
    throw new Problem("invalid-request", `${source} configures nothing. It wants some of league, roles and clusters`);
  }
  const filled = withoutGaps(whole);
  const { league, roles, clusters = {} } = checked(fileSchema, filled, source);
  const body = filled as FileBody;
  return {
    league: league === undefined ? null : { body: body.league ?? {}, settings: settingsOf(league) },
    roles:
      roles === undefined
        ? null
        : keysAt(document, ["roles"], roles).map(([name, policy]) => ({
            name,
            body: body.roles?.[name] ?? {},
            policy: policyOf(policy),
          })),
    clusters: keysAt(document, ["clusters"], clusters).map(([name, { labels, partitions }]) => ({
      name,
      labels: labels ?? null,
      partitions:
        partitions === undefined
          ? null
          : keysAt(document, ["clusters", name, "partitions"], partitions).map(([partition, request]) => ({
              name: partition,
              body: body.clusters?.[name]?.partitions?.[partition] ?? {},
              spec: specOf(partition, request),
            })),
    })),
  };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A key with nothing behind it, like `web:`, is there and has no fields. */
function withoutGaps(whole: Record<string, unknown>): Record<string, unknown> {
  const fill = (value: unknown): unknown => value ?? {};
  const each = (value: unknown, inner: (value: unknown) => unknown): unknown =>
    isRecord(value) ? mapped(value, (field) => inner(fill(field))) : value;
  const cluster = (value: unknown): unknown =>
    isRecord(value)
      ? mapped(value, (field, key) => (key === "partitions" ? each(fill(field), (one) => one) : fill(field)))
      : value;
  return mapped(whole, (field, key) => {
    if (key === "roles") return each(fill(field), (role) => role);
    if (key === "clusters") return each(fill(field), cluster);
    return fill(field);
  });
}

const mapped = (record: Record<string, unknown>, to: (value: unknown, key: string) => unknown) =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, to(value, key)]));

/** Entries in the order of the file: an object would put names that are numbers first. */
function keysAt<T>(document: Document, path: string[], record: Record<string, T>): [string, T][] {
  const node = document.getIn(path, true);
  const written = isMap(node) ? node.items.map(({ key }) => String(isScalar(key) ? key.value : key)) : [];
  const names = new Set([...written, ...Object.keys(record)]);
  return [...names].flatMap((name): [string, T][] => {
    const value = record[name];
    return value === undefined ? [] : [[name, value]];
  });
}
