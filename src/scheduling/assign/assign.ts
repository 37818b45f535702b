/**
 * Assigns classes to partitions for the most value: prices by descent, a linear program by sifting where there is a
 * solver, whole units by floor and repair. Reads no clock and draws no numbers: the same input gives the same answer.
 */
import { type Columns, columnsOf } from "./columns.ts";
import { type Descent, descend } from "./descent.ts";
import { greedy } from "./greedy.ts";
import { fill, floored, shed, type Whole, worthOf } from "./integers.ts";
import { marginsOf, type Prices } from "./lagrangian.ts";
import type { LpSolver } from "./lp.ts";
import { pooledPrices } from "./pool.ts";
import type { AssignProblem, Placement } from "./problem.ts";
import { sift } from "./sift.ts";
import { openAgain, openNear, startAt } from "./start.ts";
import { exchange } from "./swap.ts";
import { type AssignWarm, WarmBasis, warmOf } from "./warm.ts";

export interface AssignResult {
  placed: Placement[];
  value: number;
  /** no assignment is worth more */
  bound: number;
  gapPct: number;
  /** "prices": without a program, or none found better */
  method: "sifting" | "prices";
  /** where a later round may start */
  warm: AssignWarm;
  stats: { rounds: number; iterations: number; rows: number; columns: number };
}

const COLD = { maxSteps: 200, length: 0.5 };
/** Prices that a program ended with are better than what a few steps find. */
const WARM = { maxSteps: 1, length: 0.5 };
/** Of the bound: where so many options are equal that a program over few of them says little, this is enough. */
const ENOUGH = 3e-3;
/** Of the bound: what a program gave is so far below that prices alone may do better. */
const POOR = 1e-2;
/** How finely partitions are filled: by levels where much is equal, at once where it is not. */
const LEVELS = [16, 1];

interface Found {
  whole: Whole;
  value: number;
  method: AssignResult["method"];
}

/** @param warm of an earlier round, of whatever problem */
export function assign(problem: AssignProblem, solver: LpSolver | null, warm: AssignWarm | null = null): AssignResult {
  const columns = columnsOf(problem);
  const basis = usefulBasis(problem, columns, solver ? warm : null);
  const descent = basis ? descend(columns, basis.prices(), WARM) : descend(columns, pooledPrices(columns), COLD);
  const start = startAt(columns, descent.prices);
  const { lp, near } = start;
  const priced = !solver || near.torn.length > 0 ? fromPrices(columns, descent) : null;
  if (basis && near.torn.length === 0) openAgain(start, basis);
  else openNear(start, priced?.whole ?? null);
  const isEnough = priced !== null && priced.value >= descent.bound * (1 - ENOUGH);
  const sifted = solver && !isEnough ? sift(lp, solver, descent, basis ? "dual" : "primal") : null;
  const { prices, bound: lowest } = sifted ?? descent;
  let best = betterOf(priced, sifted?.solved ? fromProgram(columns, sifted.solved.x, prices) : null);
  if (best === null || (priced === null && best.value < lowest * (1 - POOR)))
    best = betterOf(best, fromPrices(columns, descent));
  const { whole, value, method } = best;
  // Sums of floats may differ in their last digits.
  const bound = Math.max(value, lowest);
  return {
    placed: placementsOf(columns, whole),
    value,
    bound,
    gapPct: bound > 0 ? (100 * (bound - value)) / bound : 0,
    method,
    warm: warmOf(problem, lp, prices, sifted !== null && sifted.solved !== null),
    stats: {
      rounds: sifted?.rounds ?? 0,
      iterations: sifted?.iterations ?? 0,
      rows: lp.bounded.length + lp.open.length,
      columns: lp.chosen.length,
    },
  };
}

function usefulBasis(problem: AssignProblem, columns: Columns, warm: AssignWarm | null): WarmBasis | null {
  const basis = warm && new WarmBasis(warm, problem, columns);
  return basis?.isUseful() ? basis : null;
}

function betterOf(a: Found | null, b: Found): Found;
function betterOf(a: Found | null, b: Found | null): Found | null;
function betterOf(a: Found | null, b: Found | null): Found | null {
  if (a === null || b === null) return a ?? b;
  return b.value > a.value ? b : a;
}

const foundBy = (columns: Columns, whole: Whole, method: Found["method"]): Found => ({
  whole,
  value: worthOf(columns, whole),
  method,
});

const fromProgram = (columns: Columns, x: Float64Array, prices: Prices): Found =>
  foundBy(columns, rounded(columns, x, prices), "sifting");

function rounded(columns: Columns, x: Float64Array, prices: Prices): Whole {
  const whole = floored(columns, x);
  const margins = marginsOf(columns, prices);
  shed(columns, whole, margins);
  fill(columns, whole, margins);
  exchange(columns, whole, margins);
  return whole;
}

/** Without a program: by greed, or the mean of what the classes chose while prices settled. */
function fromPrices(columns: Columns, { prices, recent }: Descent): Found {
  const margins = marginsOf(columns, prices);
  const greedily = LEVELS.map((levels) => {
    const whole = greedy(columns, prices, levels);
    exchange(columns, whole, margins);
    fill(columns, whole, margins);
    return whole;
  });
  const mean = new Float64Array(columns.value.length);
  for (const choice of recent) {
    choice.forEach((column, each) => {
      if (column >= 0) mean[column] = (mean[column] ?? 0) + (columns.count[each] ?? 0) / recent.length;
    });
  }
  return [...greedily, rounded(columns, mean, prices)]
    .map((whole) => foundBy(columns, whole, "prices"))
    .reduce((a, b) => betterOf(a, b));
}

function placementsOf({ value, classOf, on }: Columns, { units }: Whole): Placement[] {
  const placed: Placement[] = [];
  for (let column = 0; column < value.length; column++) {
    const count = units[column] ?? 0;
    if (count > 0) placed.push({ class: classOf[column] ?? 0, on: on[column] ?? 0, units: count });
  }
  return placed;
}
