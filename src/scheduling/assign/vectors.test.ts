import { expect, test } from "vitest";
import { nodeSolver } from "../../../test/support/highs.ts";
import { assign } from "./assign.ts";
import type { AssignProblem, CouplingRow } from "./problem.ts";

/** One resource; a unit takes one of it. Value is what a unit is worth less the way from its home. */
function transfer(free: number[], classes: { home: number; units: number }[], dist: number[][], worth: number) {
  const problem: AssignProblem = {
    resources: 1,
    partitions: free.map((amount, index) => ({ key: `p${index}`, capacity: [amount] })),
    rows: [],
    classes: classes.map(({ home, units }, index) => ({
      key: `c${index}`,
      demand: [1],
      count: units,
      on: free.map((_, partition) => ({ partition, value: worth - (dist[home]?.[partition] ?? 0) })),
    })),
  };
  const { placed, value } = assign(problem, nodeSolver);
  const total = classes.reduce((sum, { units }) => sum + units, 0);
  return { placed: placed.reduce((sum, { units }) => sum + units, 0), cost: worth * total - value };
}

test("transfer, three clusters (min-cost-3-clusters, by hand): all 19 units for a cost of 4", () => {
  const classes = [
    { home: 0, units: 8 },
    { home: 1, units: 9 },
    { home: 2, units: 2 },
  ];
  const dist = [
    [0, 1, 4],
    [1, 0, 2],
    [4, 2, 0],
  ];
  expect(transfer([10, 6, 4], classes, dist, 100)).toEqual({ placed: 19, cost: 4 });
});

test("transfer, too little room (infeasible-drop-1, by hand): 5 placed, one dropped for 100", () => {
  const classes = [
    { home: 0, units: 4 },
    { home: 1, units: 2 },
  ];
  const dist = [
    [0, 5],
    [5, 0],
  ];
  expect(transfer([3, 2], classes, dist, 100)).toEqual({ placed: 5, cost: 100 });
});

const LEND_COST = 0.1;

interface Lending {
  demand: [number, number];
  lend?: [number, number];
  borrow?: [number, number];
}

/** Two clusters A and B with 10 each. A unit is worth 1, lent 0.9; limits are rows over what is lent or borrowed. */
function lending({ demand, lend = [10, 10], borrow = [10, 10] }: Lending) {
  const limits = (kind: string, amounts: number[]): CouplingRow[] =>
    amounts.map((amount, index) => ({ key: `${kind} ${index}`, bound: [amount] }));
  const problem: AssignProblem = {
    resources: 1,
    partitions: [
      { key: "A", capacity: [10] },
      { key: "B", capacity: [10] },
    ],
    rows: [...limits("lend", lend), ...limits("borrow", borrow)],
    classes: demand.map((count, home) => ({
      key: `c${home}`,
      demand: [1],
      count,
      on: [0, 1].map((partition) =>
        partition === home ? { partition, value: 1 } : { partition, value: 1 - LEND_COST, rows: [partition, 2 + home] },
      ),
    })),
  };
  const { placed, value } = assign(problem, nodeSolver);
  const use = [0, 0];
  for (const { class: home, units } of placed) use[home] = (use[home] ?? 0) + units;
  return { use, value: Math.round(value * 10) / 10 };
}

test.each<[string, Lending, number[], number]>([
  ["what is idle is lent (lend-idle)", { demand: [14, 4] }, [14, 4], 17.6],
  ["the owner's demand comes first (reclaim)", { demand: [14, 9] }, [11, 9], 19.9],
  ["B lends at most 2 (lending-limit)", { demand: [14, 4], lend: [10, 2] }, [12, 4], 15.8],
  ["A borrows at most 1 (borrowing-limit)", { demand: [14, 4], borrow: [1, 10] }, [11, 4], 14.9],
])("lending LP between two clusters, verified with HiGHS and scipy: %s", (_, input, use, value) => {
  expect(lending(input)).toEqual({ use, value });
});
