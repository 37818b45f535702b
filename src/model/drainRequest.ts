/** How a node or a cluster is to be drained, as people write it. */
import { z } from "zod";
import { durationSchema } from "./durationSchema.ts";

const DEFAULT_DEADLINE_MS = 600_000;
const MIN_WINDOW_MS = 1_000;

export const drainRequestSchema = z.strictObject({
  deadline: durationSchema(0)
    .optional()
    .describe("What runs there may go on for so long, and is stopped then; like 10m, the default. 0s: now."),
  for: durationSchema(MIN_WINDOW_MS)
    .optional()
    .describe("Used again by itself so long after the deadline; like 2h. Left out: when somebody says so."),
});
export type DrainRequestInput = z.input<typeof drainRequestSchema>;

export const drainWishOf = ({
  deadline = DEFAULT_DEADLINE_MS,
  for: window,
}: z.output<typeof drainRequestSchema>): { deadlineMs: number; forMs: number | null } => ({
  deadlineMs: deadline,
  forMs: window ?? null,
});
