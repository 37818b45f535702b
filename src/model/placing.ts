/**
 * Where a job's tasks would rather run, beyond what they must have: preferences over nodes and over tasks that run
 * already, tasks that must stay apart, attributes to spread over, and gangs that start together. As people write it,
 * and as the rest of the house reads it.
 */
import { z } from "zod";
import { type Constraint, parseConstraint } from "./constraints.ts";
import { durationSchema } from "./durationSchema.ts";

/** Names the job itself where a job's name is asked for. */
export const SELF = "self";
/** A gang is placed in one turn. */
export const MAX_GANG = 1000;
const DEFAULT_WEIGHT = 50;
/** How long places are kept for a gang that is not complete. */
const DEFAULT_HOLD_MS = 60_000;
export const DEFAULT_PRIORITY = 50;

/** The higher sum of weights wins; what it prefers weighs more than 0, what it avoids less. */
export type Preference =
  /** nodes that satisfy the constraint */
  | { rule: string; weight: number }
  /** nodes with the same value of the attribute as one where a task of such a job runs */
  | { job: string; over: string; weight: number };

/** No two nodes with the same value of `over` run a task of this job and one of `job`. */
export interface Apart {
  /** name of a job, or `self` */
  job: string;
  /** an attribute; `node`: each node is apart */
  over: string;
}

export interface Gang {
  /** tasks that start together; indices [k · size, (k + 1) · size) are one gang */
  size: number;
  /** so long places are kept for it while others are missing */
  holdMs: number;
}

const attribute = z.string().regex(/^[A-Za-z][A-Za-z0-9_.-]{0,62}$/, "an attribute's name, like node, zone or rack");
const rule = z
  .string()
  .max(500)
  .refine((text) => parseConstraint(text) !== null, {
    error: (issue) => `"${issue.input}" is not a rule; write it like "gpu_model = A100", "zone in a, b" or "has ssd"`,
  });
const weight = z.int().min(1).max(100).optional().describe("The heavier counts more; default 50.");
const jobName = z.string().min(1).max(100).describe(`Name of a job; ${SELF}: this one.`);

const ruled = z.strictObject({ rule, weight });
const beside = z.strictObject({ job: jobName, over: attribute.optional(), weight });
const away = z.strictObject({ job: jobName, over: attribute.optional(), weight, required: z.boolean().optional() });

export const affinitySchema = z
  .array(z.union([rule, ruled, beside]))
  .max(20)
  .optional()
  .describe("Nodes it prefers: by a rule, or beside tasks of a job.");
export const antiAffinitySchema = z
  .array(z.union([rule, ruled, away]))
  .max(20)
  .optional()
  .describe("Nodes it avoids: by a rule, or where tasks of a job are; with required: never there.");
export const spreadSchema = z
  .union([attribute, z.array(attribute).min(1).max(3)])
  .optional()
  .describe("Its tasks go evenly over the values of this attribute, the first one first.");
export const gangSchema = z
  .union([
    z.literal(true),
    z.strictObject({
      size: z.int().min(2).max(MAX_GANG).optional().describe("Tasks that start together; default: all."),
      hold: durationSchema(1000, 3_600_000)
        .optional()
        .describe("So long places are kept while others are missing; default 1m."),
    }),
  ])
  .optional()
  .describe("Its tasks start together, in one partition, or not at all.");

type AffinityInput = z.output<typeof affinitySchema>;
type AntiAffinityInput = z.output<typeof antiAffinitySchema>;

export function preferencesOf(affinity: AffinityInput, antiAffinity: AntiAffinityInput): Preference[] {
  const soft = (antiAffinity ?? []).filter((one) => typeof one === "string" || !("required" in one && one.required));
  return [
    ...(affinity ?? []).map((one) => preference(one, 1)),
    ...soft.map((one) => preference(one as Parameters<typeof preference>[0], -1)),
  ];
}

function preference(
  one: string | { rule: string; weight?: number | undefined } | z.output<typeof beside>,
  sign: 1 | -1,
): Preference {
  if (typeof one === "string") return { rule: one, weight: sign * DEFAULT_WEIGHT };
  const weighed = sign * (one.weight ?? DEFAULT_WEIGHT);
  if ("rule" in one) return { rule: one.rule, weight: weighed };
  return { job: one.job, over: one.over ?? "node", weight: weighed };
}

/** Those over nodes. */
export const rulesOf = (preferences: readonly Preference[]): { rule: Constraint; weight: number }[] =>
  preferences.flatMap((one) => {
    const rule = "rule" in one ? parseConstraint(one.rule) : null;
    return rule === null ? [] : [{ rule, weight: one.weight }];
  });

export const apartOf = (antiAffinity: AntiAffinityInput): Apart[] =>
  (antiAffinity ?? []).flatMap((one) =>
    typeof one !== "string" && "job" in one && one.required ? [{ job: one.job, over: one.over ?? "node" }] : [],
  );

export const spreadOf = (spread: z.output<typeof spreadSchema>): string[] =>
  spread === undefined ? [] : typeof spread === "string" ? [spread] : spread;

export const gangOf = (gang: z.output<typeof gangSchema>, count: number): Gang | null =>
  gang === undefined
    ? null
    : gang === true
      ? { size: count, holdMs: DEFAULT_HOLD_MS }
      : { size: gang.size ?? count, holdMs: gang.hold ?? DEFAULT_HOLD_MS };
