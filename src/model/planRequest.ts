/** What a plan is asked for, and how a submission names the plan that it was told. */
import { z } from "zod";
import { resourcesSchema } from "./amounts.ts";
import { decisionIn, MAX_TOKEN_CHARS } from "./decision.ts";
import { jobSpecSchema, nameSchema } from "./job.ts";

const MAX_NODES = 100_000;
const MAX_KINDS = 100;
const MAX_CLUSTERS = 1000;

const attribute = z.string().regex(/^[A-Za-z][A-Za-z0-9_.-]{0,62}$/, "an attribute's name, like arch or zone");

const addedNodes = z.strictObject({
  count: z.int().min(1).max(MAX_NODES),
  cluster: nameSchema.optional().describe("Default: the first one that the job may use, by name."),
  partition: nameSchema.optional().describe("One of whole nodes; default: default."),
  resources: resourcesSchema.describe("Of one node; cpus, mem and disk that are not named: as a node there has them."),
  attributes: z
    .record(attribute, z.string().max(500))
    .optional()
    .describe("Those that are not named: as a node there has them."),
});

const whatIfSchema = z
  .strictObject({
    withoutClusters: z.array(nameSchema).max(MAX_CLUSTERS).optional(),
    addNodes: z.array(addedNodes).max(MAX_KINDS).optional(),
  })
  .describe("As if these clusters were not there, and these nodes were. Nothing of it is carried out.");

const jobSchema = jobSpecSchema.meta({ id: "JobSpec" });

export const planRequestSchema = z
  .strictObject({ job: jobSchema.optional(), whatIf: whatIfSchema.optional() })
  .superRefine(({ job, whatIf }, ctx) => {
    const isChanged = (whatIf?.withoutClusters ?? []).length + (whatIf?.addNodes ?? []).length > 0;
    if (job === undefined && !isChanged)
      ctx.addIssue({
        code: "custom",
        path: ["job"],
        message: "is missing: name a job, or in whatIf what would change",
      });
  });
export type PlanRequestInput = z.input<typeof planRequestSchema>;
export type WhatIfRequest = z.output<typeof whatIfSchema>;

const planToken = z
  .string()
  .max(MAX_TOKEN_CHARS)
  .transform((token, ctx) => {
    const decision = decisionIn(token);
    if (decision === null)
      ctx.addIssue({ code: "custom", message: "is no plan's token, or not all of it: it begins with pln_" });
    return decision ?? z.NEVER;
  })
  .describe(
    "The token of a plan of this job: submitted only if the league still decides just that, else plan-changed.",
  );

/** A job, and the plan that it shall follow. */
export const submissionSchema = jobSpecSchema.safeExtend({ plan: planToken.optional() });
