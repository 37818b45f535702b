/** Apart from the seeds, so that both cores have some. */
import { expect, test } from "vitest";
import { MUTATIONS, tryMutation } from "./mutations.ts";

const SEEDS_TO_CATCH = 400;
const PATIENCE_MS = 240_000;

test.each(Object.keys(MUTATIONS))(
  "without the %s something breaks, and it is noticed",
  (rule) => {
    expect(tryMutation(rule, 1, SEEDS_TO_CATCH)).toMatchObject({ caught: true });
  },
  PATIENCE_MS,
);
