import fc from "fast-check";
import { expect, test } from "vitest";
import { NodeSet } from "./nodeSet.ts";

const numbers = fc.array(fc.nat(300), { maxLength: 60 });

test("it holds what a set of numbers holds", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(300))), numbers, (steps, probes) => {
      const set = new NodeSet();
      const plain = new Set<number>();
      for (const [isAdded, n] of steps) {
        if (isAdded) set.add(n);
        else set.delete(n);
        if (isAdded) plain.add(n);
        else plain.delete(n);
      }
      expect(set.size).toBe(plain.size);
      expect([...set]).toEqual([...plain].sort((a, b) => a - b));
      for (const n of probes) expect(set.has(n)).toBe(plain.has(n));
    }),
  );
});

test("what is left without others is counted and listed alike", () => {
  fc.assert(
    fc.property(numbers, fc.array(numbers, { maxLength: 4 }), (mine, others) => {
      const set = new NodeSet(mine);
      const sets = others.map((one) => new NodeSet(one));
      const left = [...new Set(mine)].filter((n) => !others.flat().includes(n)).sort((a, b) => a - b);
      expect([...set.without(sets)]).toEqual(left);
      expect(set.sizeWithout(sets)).toBe(left.length);
    }),
  );
});
