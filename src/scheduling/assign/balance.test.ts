import { expect, test } from "vitest";
import { faultsOf } from "../../../test/support/assignment.ts";
import { nodeSolver } from "../../../test/support/highs.ts";
import { balance } from "./balance.ts";
import type { AssignProblem } from "./problem.ts";

/** Three partitions of 100, and single units that would all rather be in the first. */
const league = (units: number): AssignProblem => ({
  resources: 1,
  partitions: [0, 1, 2].map((index) => ({ key: `p${index}`, capacity: [100] })),
  rows: [],
  classes: [
    {
      key: "c",
      demand: [1],
      count: units,
      on: [0, 1, 2].map((partition) => ({ partition, value: partition === 0 ? 10 : 9.99 })),
    },
  ],
});

test.each([
  [60, 0.2],
  [150, 0.5],
  [240, 0.8],
])("%i units in room for 300 fill every partition to about %f", (units, level) => {
  const problem = league(units);
  const found = balance(problem, nodeSolver);
  expect(faultsOf(problem, found.result)).toEqual([]);
  expect(found.level).toBeGreaterThanOrEqual(level - 0.01);
  expect(found.level).toBeLessThan(level + 0.04);
  const most = Math.max(...found.result.placed.map(({ units: placed }) => placed));
  expect(most).toBeLessThanOrEqual(100 * found.level);
});

test("a league that is full stays full", () => {
  expect(balance(league(400), nodeSolver).level).toBe(1);
});

test("without a solver too", () => {
  expect(balance(league(150), null).level).toBeLessThan(0.6);
});
