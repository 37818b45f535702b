import fc from "fast-check";
import { expect, test } from "vitest";
import { fewest } from "./shrink.ts";

const kindOf = (cause: string): string => cause.slice(0, 1);

test("what it takes together is found among all that is there, and nothing else", async () => {
  const causes = fc.uniqueArray(fc.stringMatching(/^[abc]\d{1,3}$/), { minLength: 1, maxLength: 60 });
  const some = causes.chain((all) =>
    fc.tuple(fc.constant(all), fc.subarray(all, { maxLength: Math.min(5, all.length) })),
  );
  await fc.assert(
    fc.asyncProperty(some, async ([all, needed]) => {
      const has = async (list: readonly string[]) => needed.every((one) => list.includes(one));
      const found = await fewest(all, kindOf, has, () => true);
      expect(found).toMatchObject({ causes: needed, isFewest: true });
    }),
  );
});

test("when time is over, what was found by then still has the effect, and is not called the fewest", async () => {
  const all = Array.from({ length: 100 }, (_, n) => `a${n}`);
  let tries = 0;
  const has = async (list: readonly string[]) => list.includes("a17") && list.includes("a71");
  const found = await fewest(all, kindOf, has, () => ++tries < 8);
  expect(found.isFewest).toBe(false);
  expect(await has(found.causes)).toBe(true);
  expect(found.causes.length).toBeLessThan(100);
});
