/** Roles as people write them; apart from role.ts, so that an agent need not carry a validator. */
import { z } from "zod";
import { boundsSchema, resourcesSchema } from "./amounts.ts";
import { DEFAULT_POLICY, MAX_ROLE_CHARS, ROLE, type RolePolicy } from "./role.ts";

export const roleSchema = z
  .string()
  .max(MAX_ROLE_CHARS)
  .regex(ROLE, "lower-case letters, digits and hyphens, at most 63; parts of a tree are joined by /, like lab/ml");

/** As a person writes it; what is left out has its default. */
export const rolePolicySchema = z.strictObject({
  weight: z
    .number("a number")
    .min(0.001, "at least 0.001")
    .max(1000, "at most 1000")
    .optional()
    .describe("Its part when roles compete; default 1."),
  guarantee: resourcesSchema.optional().describe("What it gets whenever it asks; on top of the partitions it owns."),
  limit: boundsSchema.optional().describe("Never more than this at once; not named: not limited."),
  lend: boundsSchema.optional().describe("Of its guarantee, others may use at most this while it is idle."),
  borrow: boundsSchema.optional().describe("Beyond its guarantee it may use at most this."),
});
export type RolePolicyInput = z.input<typeof rolePolicySchema>;

export function policyOf(request: z.output<typeof rolePolicySchema>): RolePolicy {
  const { weight, guarantee, limit, lend, borrow } = request;
  return {
    weight: weight ?? DEFAULT_POLICY.weight,
    guarantee: guarantee ?? DEFAULT_POLICY.guarantee,
    limit: limit ?? DEFAULT_POLICY.limit,
    lend: lend ?? DEFAULT_POLICY.lend,
    borrow: borrow ?? DEFAULT_POLICY.borrow,
  };
}
