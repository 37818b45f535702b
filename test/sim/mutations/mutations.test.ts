import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { patched } from "../pool.ts";
import { MUTATIONS } from "./mutations.ts";

test("docs/faults.md tells of each rule after how many leagues it was missed, or that this was not measured", () => {
  const told = readFileSync("docs/faults.md", "utf8").replaceAll(/\s+/g, " ");
  const isTold = (rule: string) => new RegExp(`[|:;] ${rule}( \\||[;.])`).test(told);
  expect(MUTATIONS.map(({ rule }) => rule).filter((rule) => !isTold(rule))).toEqual([]);
});

test.each(MUTATIONS)("what is taken out for the $rule is in the source, just once", ({ patches }) => {
  for (const patch of patches) expect(patched(readFileSync(patch.file, "utf8"), patch)).toContain(patch.replace);
});
