import fc from "fast-check";
import { expect, test } from "vitest";
import {
  contains,
  indices,
  intersect,
  normalize,
  type Range,
  size,
  subtract,
  take,
  union,
  withIndex,
} from "./ranges.ts";

const LIMIT = 60;
const anyRanges = fc
  .array(fc.tuple(fc.nat(LIMIT), fc.nat(LIMIT)))
  .map((pairs) => normalize(pairs.map(([a, b]): Range => [Math.min(a, b), Math.max(a, b)])));
const asSet = (ranges: readonly Range[]) => new Set(indices(ranges));
const ofSet = (set: Set<number>) => normalize([...set].map((index): Range => [index, index + 1]));

test("sets of ranges behave like sets of indices", () => {
  fc.assert(
    fc.property(anyRanges, anyRanges, fc.nat(LIMIT), (a, b, index) => {
      const [x, y] = [asSet(a), asSet(b)];
      expect(union(a, b)).toEqual(ofSet(x.union(y)));
      expect(subtract(a, b)).toEqual(ofSet(x.difference(y)));
      expect(intersect(a, b)).toEqual(ofSet(x.intersection(y)));
      expect(size(a)).toBe(x.size);
      expect(contains(a, index)).toBe(x.has(index));
      expect(withIndex(a, index)).toEqual(ofSet(new Set(x).add(index)));
    }),
  );
});

test("take splits off the first indices and loses none", () => {
  fc.assert(
    fc.property(anyRanges, fc.nat(LIMIT), (ranges, n) => {
      const [taken, rest] = take(ranges, n);
      expect([...indices(taken), ...indices(rest)]).toEqual([...indices(ranges)]);
      expect(size(taken)).toBe(Math.min(n, size(ranges)));
    }),
  );
});
