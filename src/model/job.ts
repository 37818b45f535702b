/** What a person asks for (`JobSpec`) and what the rest of the house works with (`Template`, all defaults applied). */
import { z } from "zod";
import { resourcesSchema } from "./amounts.ts";
import { parseConstraint } from "./constraints.ts";
import type { Container, Uri } from "./container.ts";
import { DEFAULT_DRIVER, DRIVERS, type DriverName } from "./driver.ts";
import { formatDuration } from "./duration.ts";
import { durationSchema } from "./durationSchema.ts";
import { MAX_TASKS, NAME } from "./ids.ts";
import {
  type Apart,
  affinitySchema,
  antiAffinitySchema,
  apartOf,
  DEFAULT_PRIORITY,
  type Gang,
  gangOf,
  gangSchema,
  MAX_GANG,
  type Preference,
  preferencesOf,
  spreadOf,
  spreadSchema,
} from "./placing.ts";
import { MAX_PORT } from "./port.ts";
import type { Resources } from "./resources.ts";
import { DEFAULT_ROLE } from "./role.ts";
import { roleSchema } from "./roleRequest.ts";
import { GUARD_MARGIN_MS } from "./stopping.ts";

/** Shortest `stopAfter`: TERM, grace and KILL must fit in front of the deadline with room for a poll. */
export const MIN_STOP_AFTER_MS = 30_000;
export const DEFAULT_STOP_AFTER_MS = 600_000;
const DEFAULT_STOP_GRACE_MS = 10_000;
const MAX_COMMAND_CHARS = 128 * 1024;

/** The silence a Cluster must have counted before it hands an at-most-one attempt out again (clock drift ≤ 1 %). */
export const silenceLimitMs = (stopAfterMs: number): number => stopAfterMs + 15_000 + Math.ceil(stopAfterMs / 100);
/** Of a task of which nothing else is known. */
export const DEFAULT_LOST_AFTER_MS = silenceLimitMs(DEFAULT_STOP_AFTER_MS);

const constraint = z
  .string()
  .max(500)
  .refine((text) => parseConstraint(text) !== null, {
    error: (issue) =>
      `"${issue.input}" is not a constraint; write it like "arch = x64", "region in eu, us", "cores >= 8" or "has ssd"`,
  });
const noNul = (text: string) => !text.includes("\0");
const commandText = z.string().min(1).max(MAX_COMMAND_CHARS).refine(noNul, "must not contain a NUL character");
export const nameSchema = z.string().regex(NAME, "lower-case letters, digits and hyphens, at most 63");

export const jobSpecSchema = z
  .strictObject({
    name: z.string().min(1).max(100).optional(),
    command: z
      .union(
        [
          commandText,
          z.array(z.string().max(MAX_COMMAND_CHARS).refine(noNul, "must not contain a NUL character")).min(1).max(1000),
        ],
        {
          error: ({ input }) =>
            input === undefined ? "is missing: what should a task run?" : "a text for sh -c, or a list of words",
        },
      )
      .describe("A string runs in sh -c; a list runs as it is. {} stands for the item, shell-quoted in a string."),
    count: z.int().min(1).max(MAX_TASKS).optional().describe("How many tasks; default 1. Not together with each."),
    each: z
      .array(
        z
          .string()
          .max(32 * 1024)
          .refine(noNul, "must not contain a NUL character"),
      )
      .min(1)
      .max(MAX_TASKS)
      .optional()
      .describe("One task per item; the item is in HANSA_ITEM and stands for {}."),
    env: z
      .record(
        z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "an environment name"),
        z
          .string()
          .max(32 * 1024)
          .refine(noNul, "must not contain a NUL character"),
      )
      .optional(),
    cwd: z
      .string()
      .max(4096)
      .regex(/^\//, "an absolute path")
      .optional()
      .describe("Default: a folder of the task's own."),
    resources: resourcesSchema.optional().describe("Per task; mem is a limit. Default: cpus 0.1, mem 64MiB."),
    clusters: z.array(nameSchema).min(1).max(1000).optional().describe("Only these clusters."),
    constraints: z.array(constraint).max(50).optional(),
    affinity: affinitySchema,
    antiAffinity: antiAffinitySchema,
    spread: spreadSchema,
    ports: z
      .array(z.int().min(1).max(MAX_PORT))
      .max(100)
      .optional()
      .describe("Ports that a node must have free; any others are asked for as resources: { ports: 2 }."),
    gang: gangSchema,
    role: roleSchema.optional(),
    priority: z
      .int()
      .min(0)
      .max(100)
      .optional()
      .describe(
        `Within its role the higher goes first, and may take the place of the lower; default ${DEFAULT_PRIORITY}.`,
      ),
    driver: z
      .enum(DRIVERS)
      .optional()
      .describe(
        "process: as the node's task user; sandbox: with namespaces of its own; docker: a container of `image`. Default process.",
      ),
    image: z.string().min(1).max(500).optional().describe("What a container is made of; only with driver docker."),
    retry: z
      .strictObject({ max: z.int().min(0).max(100).optional(), backoff: durationSchema(0, 3_600_000).optional() })
      .optional(),
    timeout: durationSchema(1000).optional().describe("How long one attempt may run."),
    stopGrace: durationSchema(0, 3_600_000).optional().describe("Time between TERM and KILL; default 10s."),
    copies: z.enum(["at-most-one", "at-least-one"]).optional(),
    disconnect: z
      .union([
        z.literal("keep"),
        z.strictObject({
          stopAfter: durationSchema(MIN_STOP_AFTER_MS)
            .optional()
            .describe("An attempt that was not renewed for this long is stopped on its node. Default 10m."),
          lostAfter: durationSchema(1000).optional().describe("Silence after which a replacement may start."),
          onReturn: z.enum(["keep-new"]).optional(),
        }),
      ])
      .optional(),
  })
  .superRefine((spec, ctx) => {
    const issue = (path: string[], message: string) => ctx.addIssue({ code: "custom", path, message });
    if (spec.count !== undefined && spec.each !== undefined)
      issue(["count"], "count and each exclude each other: each item is one task");
    if ((spec.driver === "docker") !== (spec.image !== undefined))
      issue(["image"], spec.image === undefined ? "is missing: driver docker runs an image" : "is for driver docker");
    const gpus = spec.resources?.gpus ?? 0;
    if (gpus > 1000 && gpus % 1000 !== 0)
      issue(
        ["resources", "gpus"],
        `${gpus / 1000}: a part of one gpu, or whole ones; ask for ${Math.ceil(gpus / 1000)}`,
      );
    if (new Set(spec.ports).size < (spec.ports ?? []).length) issue(["ports"], "names a port twice");
    const gang = gangOf(spec.gang, taskCount(spec));
    if (gang !== null && gang.size > MAX_GANG)
      issue(["gang"], `at most ${MAX_GANG} tasks start together; give a size that divides the count`);
    else if (gang !== null && taskCount(spec) % gang.size !== 0)
      issue(["gang", "size"], `${taskCount(spec)} tasks can't be divided into gangs of ${gang.size}`);
    const d = spec.disconnect;
    const stopAfterMs = typeof d === "object" ? (d.stopAfter ?? DEFAULT_STOP_AFTER_MS) : DEFAULT_STOP_AFTER_MS;
    const graceMs = spec.stopGrace ?? DEFAULT_STOP_GRACE_MS;
    if (d !== "keep" && graceMs + GUARD_MARGIN_MS > stopAfterMs / 2) {
      issue(
        ["stopGrace"],
        `${formatDuration(graceMs)} does not fit in stopAfter ${formatDuration(stopAfterMs)}: at most ${formatDuration(stopAfterMs / 2 - GUARD_MARGIN_MS)}`,
      );
    }
    if (
      typeof d === "object" &&
      d.lostAfter !== undefined &&
      spec.copies !== "at-least-one" &&
      d.lostAfter < silenceLimitMs(stopAfterMs)
    ) {
      issue(
        ["disconnect", "lostAfter"],
        `must be at least ${formatDuration(silenceLimitMs(stopAfterMs))} with stopAfter ${formatDuration(stopAfterMs)}, or a replacement could start while the first still runs; or say copies: at-least-one`,
      );
    }
  });

export type JobSpecInput = z.input<typeof jobSpecSchema>;
export type JobSpec = z.output<typeof jobSpecSchema>;

/** The part of a job that a Cluster and an agent need, defaults applied, times in ms, amounts in milli-units. */
export interface Template {
  name: string;
  command: string | string[];
  env: Record<string, string>;
  cwd: string | null;
  resources: Resources;
  constraints: string[];
  preferences: Preference[];
  apart: Apart[];
  /** attributes, the first one first */
  spread: string[];
  /** fixed ones, counted in `resources.ports` with those that may be any */
  ports: number[];
  gang: Gang | null;
  role: string;
  /** 0 to 100, within the role */
  priority: number;
  driver: DriverName;
  /** of a container; null: not one */
  image: string | null;
  /** of a container; null: nothing but its image is asked for */
  container: Container | null;
  /** fetched before it starts */
  uris: readonly Uri[];
  retryMax: number;
  retryBackoffMs: number;
  timeoutMs: number | null;
  stopGraceMs: number;
  /** null: `disconnect: keep`, an attempt runs on however long its node is cut off */
  stopAfterMs: number | null;
  /** silence after which a replacement may start; null: never */
  lostAfterMs: number | null;
  /** a second copy may run beside the first for a while */
  copies: "at-most-one" | "at-least-one";
}

const DEFAULT_RESOURCES: Resources = { cpus: 100, mem: 64_000 };

export function templateOf(spec: JobSpec): Template {
  const d = spec.disconnect;
  const keep = d === "keep";
  const stopAfterMs = keep ? null : (d?.stopAfter ?? DEFAULT_STOP_AFTER_MS);
  return {
    name: spec.name ?? "",
    command: spec.command,
    env: spec.env ?? {},
    cwd: spec.cwd ?? null,
    resources: withPorts({ ...DEFAULT_RESOURCES, ...spec.resources }, spec.ports ?? []),
    constraints: spec.constraints ?? [],
    preferences: preferencesOf(spec.affinity, spec.antiAffinity),
    apart: apartOf(spec.antiAffinity),
    spread: spreadOf(spec.spread),
    ports: spec.ports ?? [],
    gang: gangOf(spec.gang, taskCount(spec)),
    role: spec.role ?? DEFAULT_ROLE,
    priority: spec.priority ?? DEFAULT_PRIORITY,
    driver: spec.driver ?? DEFAULT_DRIVER,
    image: spec.image ?? null,
    container: null,
    uris: [],
    retryMax: spec.retry?.max ?? 0,
    retryBackoffMs: spec.retry?.backoff ?? 1000,
    timeoutMs: spec.timeout ?? null,
    stopGraceMs: spec.stopGrace ?? DEFAULT_STOP_GRACE_MS,
    stopAfterMs,
    lostAfterMs: (keep ? null : d?.lostAfter) ?? (stopAfterMs === null ? null : silenceLimitMs(stopAfterMs)),
    copies: spec.copies ?? "at-most-one",
  };
}

const withPorts = (resources: Resources, fixed: readonly number[]): Resources =>
  fixed.length === 0 ? resources : { ...resources, ports: (resources.ports ?? 0) + fixed.length * 1000 };

/** Jobs that an earlier version wrote lack what came since. */
export const readTemplate = (written: Partial<Template>): Template =>
  ({
    preferences: [],
    apart: [],
    spread: [],
    ports: [],
    gang: null,
    priority: DEFAULT_PRIORITY,
    copies: "at-most-one",
    container: null,
    uris: [],
    ...written,
  }) as Template;

export const taskCount = (spec: Pick<JobSpec, "count" | "each">): number => spec.each?.length ?? spec.count ?? 1;
