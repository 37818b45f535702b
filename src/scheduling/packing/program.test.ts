import fc from "fast-check";
import { expect, test } from "vitest";
import { type Column, maximize } from "./program.ts";

const plenty = () => ({ steps: 1e7 });
const column = (worth: number, amounts: readonly number[]): Column => ({
  worth,
  rows: [...amounts.keys()],
  amounts,
});
const worthOf = (used: readonly { column: Column; times: number }[]): number =>
  used.reduce((sum, { column: { worth }, times }) => sum + worth * times, 0);

test("the best of a small program, by columns that are only proposed when asked for", () => {
  const columns = [column(3, [1, 0, 3]), column(5, [0, 2, 2])];
  const { used, isBest } = maximize([4, 12, 18], [], () => columns, plenty());
  expect(isBest).toBe(true);
  expect(worthOf(used)).toBeCloseTo(36, 3);
  expect(used.find(({ column: { worth } }) => worth === 3)?.times).toBeCloseTo(2, 3);
});

test("a column that was known and came in leaves for a better one", () => {
  const [poor, rich] = [column(1, [1]), column(2, [1])];
  const { used } = maximize([10], [poor], () => [rich], plenty());
  expect(used.map((each) => each.column)).toEqual([rich]);
});

test("without steps left nothing is found, and that is said", () => {
  expect(maximize([10], [], () => [column(1, [1])], { steps: 0 })).toEqual({ used: [], isBest: false });
});

test("limits hold, and no whole numbers of the columns are worth more", () => {
  const anyColumn = fc
    .tuple(fc.integer({ min: 1, max: 9 }), fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 3, maxLength: 3 }))
    .map(([worth, amounts]) => column(worth, amounts));
  const anyLimits = fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 3, maxLength: 3 });
  const most = (columns: readonly Column[], left: readonly number[]): number => {
    const [first, ...others] = columns;
    if (first === undefined) return 0;
    const rest = left.map((limit, row) => limit - (first.amounts[row] as number));
    const without = most(others, left);
    return rest.some((limit) => limit < 0) ? without : Math.max(without, first.worth + most(columns, rest));
  };
  fc.assert(
    fc.property(fc.array(anyColumn, { minLength: 1, maxLength: 4 }), anyLimits, (columns, limits) => {
      const { used, isBest } = maximize(limits, [], () => columns, plenty());
      expect(isBest).toBe(true);
      expect(worthOf(used)).toBeGreaterThanOrEqual(most(columns, limits) - 1e-6);
      limits.forEach((limit, row) => {
        const taken = used.reduce((sum, each) => sum + (each.column.amounts[row] as number) * each.times, 0);
        expect(taken).toBeLessThanOrEqual(limit + 1e-4);
      });
    }),
  );
});
