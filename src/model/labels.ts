/** Labels of a cluster: notes on the place, for people. Constraints look at nodes' own attributes. */
import { z } from "zod";

const MAX_LABELS = 100;

export const labelsSchema = z
  .record(
    z.string().regex(/^[A-Za-z][A-Za-z0-9_.-]{0,62}$/, "a label's name is like region or owner"),
    z.string().max(256),
  )
  .refine((labels) => Object.keys(labels).length <= MAX_LABELS, `at most ${MAX_LABELS} labels`);
