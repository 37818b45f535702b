/** Checks what a person typed or wrote by the model's own schemas: the same sentences as the broker's, before it is asked. */
import type { z } from "zod";
import { fieldErrors } from "../../src/model/fields.ts";
import { Problem } from "../../src/model/problems.ts";

/** @param what for the message. @throws Problem that names each wrong field */
export function checked<T extends z.ZodType>(schema: T, value: unknown, what: string): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const errors = fieldErrors(parsed.error.issues, schema);
  const count = errors.length === 1 ? "one field is" : `${errors.length} fields are`;
  throw new Problem("invalid-request", `${what}: ${count} wrong`, { errors });
}
