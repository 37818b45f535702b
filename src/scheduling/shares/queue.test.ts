import fc from "fast-check";
import { expect, test } from "vitest";
import { Queue } from "./queue.ts";

test("the first is always the best of those left, while entries get worse or leave", () => {
  const steps = fc.array(fc.record({ worse: fc.nat(5), leaves: fc.boolean() }), { maxLength: 60 });
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(100), { maxLength: 20 }), steps, (values, todo) => {
      let left = values.map((value, age) => ({ value, age }));
      const isBefore = (a: { value: number; age: number }, b: { value: number; age: number }) =>
        a.value < b.value || (a.value === b.value && a.age < b.age);
      const queue = new Queue(left, isBefore);
      for (const { worse, leaves } of todo) {
        const best = left.reduce<(typeof left)[number] | undefined>((a, b) => (a && isBefore(a, b) ? a : b), undefined);
        const first = queue.first();
        expect(first).toBe(best);
        if (first === undefined) return;
        if (leaves) {
          queue.shift();
          left = left.filter((one) => one !== first);
        } else {
          first.value += worse;
          queue.sink();
        }
      }
    }),
  );
});
