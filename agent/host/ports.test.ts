import fc from "fast-check";
import { expect, test } from "vitest";
import { countPorts, DEFAULT_PORTS, parsePorts } from "./ports.ts";

test.each([
  [DEFAULT_PORTS, [[31_000, 32_000]], 1001],
  ["8080", [[8080, 8080]], 1],
  [
    "33000-33009, 31000",
    [
      [31_000, 31_000],
      [33_000, 33_009],
    ],
    11,
  ],
  [
    "1-10,5-20,21,40",
    [
      [1, 21],
      [40, 40],
    ],
    22,
  ],
  ["none", [], 0],
] as const)("%s is %j", (written, ranges, count) => {
  const read = parsePorts(written);
  expect(read).toEqual(ranges);
  expect(countPorts(read ?? [])).toBe(count);
});

test.each(["", "all", "0", "65536", "5-4", "1-2-3", "80,", "none,80", "-5", "1e3"])("%j is refused", (written) => {
  expect(parsePorts(written)).toBeNull();
});

test("more ranges than the protocol takes are refused", () => {
  expect(parsePorts(Array.from({ length: 101 }, (_, i) => 1000 + 2 * i).join(","))).toBeNull();
});

test("the ranges hold exactly the ports that were written, and never touch each other", () => {
  const range = fc.tuple(fc.integer({ min: 1, max: 200 }), fc.nat(20)).map(([first, more]) => [first, first + more]);
  fc.assert(
    fc.property(fc.array(range, { minLength: 1, maxLength: 30 }), (wanted) => {
      const read = parsePorts(wanted.map((pair) => pair.join("-")).join(",")) ?? [];
      const all = (pairs: readonly number[][]) =>
        new Set(
          pairs.flatMap(([first = 0, last = 0]) => Array.from({ length: last - first + 1 }, (_, i) => first + i)),
        );
      expect(all(read)).toEqual(all(wanted));
      expect(countPorts(read)).toBe(all(wanted).size);
      for (const [i, [first]] of read.entries()) if (i > 0) expect(first).toBeGreaterThan((read[i - 1]?.[1] ?? 0) + 1);
    }),
  );
});
