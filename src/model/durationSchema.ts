/** A length of time as a person writes it, read into ms; apart from duration.ts, so that an agent need not carry a validator. */
import { z } from "zod";
import { formatDuration, parseDuration } from "./duration.ts";

const MAX_DURATION_MS = 365 * 86_400_000;

export const durationSchema = (minMs: number, maxMs = MAX_DURATION_MS) =>
  z.string().transform((text, ctx) => {
    const ms = parseDuration(text);
    if (ms !== null && ms >= minMs && ms <= maxMs) return ms;
    ctx.addIssue({
      code: "custom",
      message:
        ms === null
          ? `"${text}" is not a length of time; write it like 500ms, 30s, 10m or 2h`
          : `${text} is out of range; between ${formatDuration(minMs)} and ${formatDuration(maxMs)}`,
    });
    return z.NEVER;
  });
