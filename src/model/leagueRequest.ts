/** A league's settings as people write them. */
import { z } from "zod";
import { durationSchema } from "./durationSchema.ts";
import { type LeagueSettings, OBJECTIVES } from "./league.ts";

const MIN_HALF_LIFE_MS = 1_000;
const MAX_PENALTY_MS = 3_600_000;
/** Longer is the same as never. */
const MAX_GRACE_MS = 30 * 86_400_000;

/** What is left out stays as it is. */
export const leagueRequestSchema = z.strictObject({
  objective: z
    .enum(OBJECTIVES, `one of ${OBJECTIVES.join(", ")}`)
    .optional()
    .describe("What the optimised round prefers among what is fair."),
  historyHalfLife: durationSchema(MIN_HALF_LIFE_MS)
    .optional()
    .describe("Past use counts half as much after so long; like 1h."),
  historyWeight: z
    .number("a number")
    .min(0, "at least 0")
    .max(10, "at most 10")
    .optional()
    .describe("How much past use counts beside present use; 0: not at all."),
  entryPenalty: durationSchema(0, MAX_PENALTY_MS)
    .optional()
    .describe("Each hand-out counts as if it had run at least so long; like 10s."),
  grace: durationSchema(0, MAX_GRACE_MS)
    .optional()
    .describe("Who has a right to a place waits so long for tasks to end before any is stopped for it; like 1m."),
  minRun: durationSchema(0, MAX_GRACE_MS)
    .optional()
    .describe("An attempt that has run for less is not stopped for others; like 1m."),
});
export type LeagueRequestInput = z.input<typeof leagueRequestSchema>;

export function settingsOf(request: z.output<typeof leagueRequestSchema>): Partial<LeagueSettings> {
  const { objective, historyHalfLife, historyWeight, entryPenalty, grace, minRun } = request;
  return {
    ...(objective !== undefined && { objective }),
    ...(historyHalfLife !== undefined && { historyHalfLifeMs: historyHalfLife }),
    ...(historyWeight !== undefined && { historyWeight }),
    ...(entryPenalty !== undefined && { entryPenaltyMs: entryPenalty }),
    ...(grace !== undefined && { graceMs: grace }),
    ...(minRun !== undefined && { minRunMs: minRun }),
  };
}
