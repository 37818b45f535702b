import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { patched } from "../pool.ts";
import { MUTATIONS } from "./mutations.ts";

test.each(MUTATIONS)("what is taken out for the $rule is in the source, just once", ({ patches }) => {
  for (const patch of patches) expect(patched(readFileSync(patch.file, "utf8"), patch)).toContain(patch.replace);
});
