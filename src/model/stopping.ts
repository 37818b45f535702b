/** Apart from the schemas, which an agent does without. */

/** TERM is sent this long before the grace begins to run out, so that KILL is done by the deadline. */
export const GUARD_MARGIN_MS = 5_000;
