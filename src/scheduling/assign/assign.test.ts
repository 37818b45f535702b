import fc from "fast-check";
import { expect, test } from "vitest";
import { faultsOf } from "../../../test/support/assignment.ts";
import { nodeSolver } from "../../../test/support/highs.ts";
import { type AssignResult, assign } from "./assign.ts";
import type { LpSolver } from "./lp.ts";
import type { AssignColumn, AssignProblem } from "./problem.ts";

const RESOURCES = 2;

const amounts = (max: number) => fc.array(fc.nat(max), { minLength: RESOURCES, maxLength: RESOURCES });
const bounds = fc.array(fc.oneof(fc.nat(20), fc.constant(Number.POSITIVE_INFINITY)), {
  minLength: RESOURCES,
  maxLength: RESOURCES,
});

interface Size {
  partitions: number;
  rows: number;
  classes: number;
  count: number;
}

function problems({ partitions, rows, classes, count }: Size): fc.Arbitrary<AssignProblem> {
  const column: fc.Arbitrary<AssignColumn> = fc.record({
    partition: fc.nat(partitions - 1),
    value: fc.oneof(fc.integer({ min: -2, max: 9 }), fc.double({ min: 0, max: 9, noNaN: true })),
    rows: fc.uniqueArray(fc.nat(rows - 1), { maxLength: rows }),
  });
  const each = fc.record({ demand: amounts(5), count: fc.nat(count), on: fc.array(column, { maxLength: partitions }) });
  return fc
    .record({
      capacities: fc.array(amounts(20), { minLength: partitions, maxLength: partitions }),
      bounds: fc.array(bounds, { minLength: rows, maxLength: rows }),
      classes: fc.array(each, { maxLength: classes }),
    })
    .map((parts) => ({
      resources: RESOURCES,
      partitions: parts.capacities.map((capacity, index) => ({ key: `p${index}`, capacity })),
      rows: parts.bounds.map((bound, index) => ({ key: `r${index}`, bound })),
      classes: parts.classes.map((one, index) => ({ ...one, key: `c${index}` })),
    }));
}

const middling = problems({ partitions: 4, rows: 3, classes: 12, count: 8 });
const tiny = problems({ partitions: 2, rows: 1, classes: 3, count: 2 });

const decision = ({ placed, value, bound, method }: AssignResult) => ({ placed, value, bound, method });

/** By trying everything. */
function optimum(problem: AssignProblem): number {
  const options = problem.classes.flatMap(({ on }, each) => on.map((_, index) => ({ class: each, on: index })));
  let best = 0;
  const tryFrom = (index: number, placed: AssignResult["placed"], value: number): void => {
    if (faultsOf(problem, { placed, value, bound: Number.POSITIVE_INFINITY }).length > 0) return;
    best = Math.max(best, value);
    const option = options[index];
    if (!option) return;
    const worth = problem.classes[option.class]?.on[option.on]?.value ?? 0;
    for (let units = 0; units <= (problem.classes[option.class]?.count ?? 0); units++) {
      const more = units > 0 ? [...placed, { ...option, units }] : placed;
      tryFrom(index + 1, more, value + units * worth);
    }
  };
  tryFrom(0, [], 0);
  return best;
}

test("whatever the problem, no bound and no count is exceeded, and the bound holds", () => {
  fc.assert(
    fc.property(middling, (problem) => {
      expect(faultsOf(problem, assign(problem, nodeSolver))).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

test("without a solver it is still within everything, and the bound holds", () => {
  fc.assert(
    fc.property(middling, (problem) => {
      const result = assign(problem, null);
      expect(faultsOf(problem, result)).toEqual([]);
      expect(result.method).toBe("prices");
    }),
    { numRuns: 300 },
  );
});

test("no assignment that trying everything finds is worth more than the bound", () => {
  fc.assert(
    fc.property(tiny, (problem) => {
      const best = optimum(problem);
      const { value, bound } = assign(problem, nodeSolver);
      expect(bound).toBeGreaterThanOrEqual(best - 1e-9);
      expect(value).toBeLessThanOrEqual(best + 1e-9);
    }),
    { numRuns: 150 },
  );
});

test("the same input gives the same answer, from scratch and from the same warm state", () => {
  fc.assert(
    fc.property(middling, middling, (problem, before) => {
      const { warm } = assign(before, nodeSolver);
      expect(decision(assign(problem, nodeSolver))).toEqual(decision(assign(problem, nodeSolver)));
      expect(decision(assign(problem, nodeSolver, warm))).toEqual(decision(assign(problem, nodeSolver, warm)));
    }),
    { numRuns: 50 },
  );
});

test("the warm state of another problem is only another start", () => {
  fc.assert(
    fc.property(middling, middling, (problem, before) => {
      const result = assign(problem, nodeSolver, assign(before, nodeSolver).warm);
      expect(faultsOf(problem, result)).toEqual([]);
    }),
    { numRuns: 200 },
  );
});

const failing: LpSolver = { solve: () => null };
/** Stops at once, where it began. */
const stopping: LpSolver = { solve: (program, options) => nodeSolver.solve(program, { ...options, maxIterations: 1 }) };
const confused: LpSolver = {
  solve: ({ cost, rowUpper }) => ({
    status: "stopped",
    x: new Float64Array(cost.length).fill(Number.NaN),
    prices: new Float64Array(rowUpper.length).fill(Number.NaN),
    basis: { columns: new Int32Array(cost.length), rows: new Int32Array(rowUpper.length) },
    iterations: 1,
  }),
};

test.each([
  ["fails", failing],
  ["is stopped", stopping],
  ["answers nonsense", confused],
])("when the solver %s, what prices give is within everything", (_, solver) => {
  fc.assert(
    fc.property(middling, (problem) => {
      expect(faultsOf(problem, assign(problem, solver))).toEqual([]);
    }),
    { numRuns: 100 },
  );
});

/** Many classes that all like the same partitions, so that the program and the rounding matter. */
function crowded(classes: number, size: number): AssignProblem {
  const partitions = Array.from({ length: 12 }, (_, p) => ({
    key: `p${p}`,
    capacity: [size * (100 + 10 * p), size * (225 - 10 * p)],
  }));
  return {
    resources: 2,
    partitions,
    rows: [{ key: "role", bound: [350 * size, Number.POSITIVE_INFINITY] }],
    classes: Array.from({ length: classes }, (_, t) => ({
      key: `c${t}`,
      demand: [1 + ((t * 7) % 9), 1 + ((t * 5) % 11)],
      count: 10 + ((t * 3) % 17),
      on: partitions.map((_, p) => ({
        partition: p,
        value: 10 + ((t * 13) % 29) - 0.3 * ((t + p) % 5),
        ...(t % 3 === 0 && { rows: [0] }),
      })),
    })),
  };
}

test("a crowded league is assigned to within a percent of the bound, with and without a start", () => {
  const problem = crowded(90, 4);
  const cold = assign(problem, nodeSolver);
  expect(cold.method).toBe("sifting");
  expect(cold.gapPct).toBeLessThan(1);
  const less = { ...problem, classes: problem.classes.filter((_, index) => index % 10 !== 0) };
  const warm = assign(less, nodeSolver, cold.warm);
  expect(faultsOf(less, warm)).toEqual([]);
  expect(warm.gapPct).toBeLessThan(1);
});

test("a program that begins where the last one ended takes fewer iterations", () => {
  const problem = crowded(90, 4);
  const { warm, stats } = assign(problem, nodeSolver);
  expect(assign(problem, nodeSolver, warm).stats.iterations).toBeLessThan(stats.iterations);
});

test("where all partitions are worth the same, none is left half empty", () => {
  const problem = crowded(2000, 2);
  const equal = {
    ...problem,
    rows: [],
    classes: problem.classes.map((each) => ({
      ...each,
      count: 1,
      on: each.on.map(({ partition }) => ({ partition, value: (each.demand[0] ?? 0) + (each.demand[1] ?? 0) })),
    })),
  };
  const result = assign(equal, nodeSolver);
  expect(faultsOf(equal, result)).toEqual([]);
  expect(result.gapPct).toBeLessThan(2);
});
