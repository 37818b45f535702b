/** How a fire drill is asked for, as people write it. */
import { z } from "zod";
import { durationSchema } from "./durationSchema.ts";

const MIN_DRILL_MS = 10_000;
const MAX_DRILL_MS = 3_600_000;

export const drillLength = durationSchema(MIN_DRILL_MS, MAX_DRILL_MS);

export const drillRequestSchema = z.strictObject({
  for: drillLength.describe("The cluster is cut off for so long; like 5m, between 10s and 1h."),
});
export type DrillRequestInput = z.input<typeof drillRequestSchema>;
