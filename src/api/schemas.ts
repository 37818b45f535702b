/** Schemas that many routes share: query values, pages, problems, and how they stand in OpenAPI. */
import { z } from "@hono/zod-openapi";
import { JOB_ID, NAME, TASK_ID } from "../model/ids.ts";
import { PROBLEMS, type ProblemCode } from "../model/problems.ts";

const MAX_PAGE = 1000;
const DEFAULT_PAGE = 100;
const MAX_CURSOR_CHARS = 200;

/** A whole number in a query or path. */
export const numberText = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,16}$/, "a whole number")
    .transform(Number)
    .pipe(z.int().min(min).max(max))
    .openapi({ type: "integer", minimum: min, maximum: max });

/** `follow=1`, `follow=true`, or just `follow`. */
export const flagText = z
  .enum(["", "0", "1", "true", "false"])
  .transform((text) => text !== "0" && text !== "false")
  .openapi({ type: "boolean" });

export const limit = numberText(1, MAX_PAGE)
  .optional()
  .openapi({ description: `Default ${DEFAULT_PAGE}.` });
export const limitOf = (given: number | undefined): number => given ?? DEFAULT_PAGE;
export const after = z
  .string()
  .max(MAX_CURSOR_CHARS)
  .optional()
  .openapi({ description: "The `next` of the page before this one." });

export const jobId = z.string().regex(JOB_ID, "a job id is 4 to 16 of 0-9a-z").openapi({ example: "7k2m9qd1xz" });
export const taskIdText = z.string().regex(TASK_ID, "a task id is JOB.INDEX").openapi({ example: "7k2m9qd1xz.0" });
export const nameText = z
  .string()
  .regex(NAME, "lower-case letters, digits and hyphens, at most 63")
  .openapi({ example: "north" });

export const idempotencyKey = z.object({
  "idempotency-key": z
    .string()
    .min(1)
    .max(200)
    .regex(/^[\x21-\x7e]+$/, "printable ASCII without spaces")
    .optional()
    .openapi({ description: "Sent again with the same key and body, the request is done once." }),
});

export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({
    items: z.array(item),
    next: z
      .string()
      .nullable()
      .openapi({ description: "Pass it as `after` for the next page; null: this was the last." }),
  });

/** Of what there are few: all at once. */
export const listOf = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item) });

const codes = Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]];
export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.enum(codes).openapi({ description: "Stable; see /docs#problems." }),
    detail: z.string(),
    errors: z.array(z.object({ field: z.string(), message: z.string(), didYouMean: z.string().optional() })).optional(),
    data: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
  })
  .openapi("Problem", {
    example: {
      type: "/docs#problem-invalid-request",
      title: "invalid request",
      status: 400,
      code: "invalid-request",
      detail: "one field of the body is wrong",
      errors: [{ field: "comand", message: "unknown", didYouMean: "command" }],
    },
  });

const problem = (description: string) => ({
  description,
  content: { "application/problem+json": { schema: problemSchema } },
});

/** What any route with a token may answer. */
export const problems = {
  400: problem("Fields are wrong: `errors` names each."),
  401: problem("No token, or one that does not hold."),
  403: problem("The token is not for this."),
  503: problem("Can't be answered now; see Retry-After."),
};
export const problem404 = { 404: problem("There is no such thing in this league.") };
export const problem409 = { 409: problem("It contradicts what is there already.") };
export const planChanged = {
  409: problem("`plan` does not hold any more: `data.plan` is the token of what would be now."),
};
export const problem413 = { 413: problem("The body is over 1 MiB.") };
export const problem416 = { 416: problem("The offset is wrong: `data.offset` says where it goes on.") };
export const problem422 = { 422: problem("The Idempotency-Key was used before with another body.") };

export const json = <T extends z.ZodType>(schema: T, description: string, example?: unknown) => ({
  description,
  content: { "application/json": { schema, ...(example !== undefined && { example }) } },
});

export const jsonBody = <T extends z.ZodType>(schema: T, example: unknown) => ({
  required: true,
  content: { "application/json": { schema, example } },
});

export const byToken = { security: [{ token: [] }] };
