/** When the end of an attempt uses a retry, how long the next one waits, and who decides on it. */
import type { Template } from "./job.ts";
import type { EndReason } from "./states.ts";

/** Ends that say nothing against the task: they use no retry. */
const FREE_OF_BLAME = new Set<EndReason>([
  "deadline",
  "rebooted",
  "shutdown",
  "node-fault",
  "refused",
  "agent-lost",
  "cancelled",
  "reclaimed",
  "drained",
  "gang",
]);
const MAX_BACKOFF_MS = 3_600_000;

export const usesRetry = (reason: EndReason): boolean => !FREE_OF_BLAME.has(reason);

/** @param failures so far, this one counted @param backoffMs after the first; each later one doubles it */
export const retryDelayMs = (failures: number, backoffMs: number): number =>
  Math.min(MAX_BACKOFF_MS, backoffMs * 2 ** (failures - 1));

/**
 * Its node goes on with it by itself, by the job's policy: no silence ever gives it to another node, and no gang waits
 * for it.
 */
export const isKept = ({ stopAfterMs, gang }: Pick<Template, "stopAfterMs" | "gang">): boolean =>
  stopAfterMs === null && gang === null;
