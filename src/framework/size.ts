/** What a framework asks for lies in one row, and a row holds so much. */
import { bytesTooMany, MAX_VALUE_BYTES } from "../platform/binds.ts";

/** Beside it lie ids and names. */
const MOST_BYTES = MAX_VALUE_BYTES - 100_000;

/** @returns what is wrong with the size of what would be kept; null: nothing */
export function sizeError(what: string, kept: unknown): string | null {
  const bytes = bytesTooMany(JSON.stringify(kept), MOST_BYTES);
  return bytes === 0
    ? null
    : `${what} takes ${bytes} bytes to keep, and at most ${MOST_BYTES} are: send less of it at once`;
}
