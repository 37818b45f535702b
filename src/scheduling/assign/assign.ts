/**
 * Assigns classes to partitions for the most value: prices by descent, a linear program by sifting where there is a
 * solver, whole units by floor and repair. Reads no clock and draws no numbers: the same input gives the same answer.
 */
import { type Columns, columnsOf } from "./columns.ts";
import { type Descent, descend } from "./descent.ts";
import { greedy } from "./greedy.ts";
import { better, fill, floored, shed, type Whole, worthOf } from "./integers.ts";
import { marginsOf, type Prices } from "./lagrangian.ts";
import type { LpSolver } from "./lp.ts";
import { pooledPrices } from "./pool.ts";
import type { AssignProblem, Placement } from "./problem.ts";
import { sift } from "./sift.ts";
import { openAgain, openNear, startAt } from "./start.ts";
import { exchange } from "./swap.ts";
import { type AssignWarm, WarmBasis, warmOf, warmPrices } from "./warm.ts";

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
/** How finely partitions are filled: by levels where much is equal, at once where it is not. */
const LEVELS = [16, 1];

/** @param warm of an earlier round, of whatever problem */
export function assign(problem: AssignProblem, solver: LpSolver | null, warm: AssignWarm | null = null): AssignResult {
  const columns = columnsOf(problem);
  const basis = warm && new WarmBasis(warm, problem, columns);
  const fromBasis = basis?.isUseful() === true;
  const descent =
    warm && fromBasis
      ? descend(columns, warmPrices(warm, problem, columns), WARM)
      : descend(columns, pooledPrices(columns), COLD);
  const start = startAt(columns, descent.prices);
  const { lp, near } = start;
  let best = !solver || near.torn.length > 0 ? fromPrices(columns, descent) : null;
  if (basis && fromBasis && near.torn.length === 0) openAgain(start, basis);
  else openNear(start, best);
  const isEnough = best !== null && worthOf(columns, best) >= descent.bound * (1 - ENOUGH);
  const sifted = solver && !isEnough ? sift(lp, solver, descent, fromBasis ? "dual" : "primal") : null;
  const { prices, bound: lowest } = sifted ?? descent;
  let method: AssignResult["method"] = "prices";
  if (sifted?.solved) {
    const whole = rounded(columns, sifted.solved.x, prices);
    if (best === null || worthOf(columns, whole) > worthOf(columns, best)) {
      best = whole;
      method = "sifting";
    }
  }
  best ??= fromPrices(columns, descent);
  const value = worthOf(columns, best);
  const bound = Math.max(value, lowest);
  return {
    placed: placementsOf(columns, best),
    value,
    bound,
    gapPct: bound > 0 ? (100 * (bound - value)) / bound : 0,
    method,
    warm: warmOf(problem, lp, prices),
    stats: {
      rounds: sifted?.rounds ?? 0,
      iterations: sifted?.iterations ?? 0,
      rows: lp.bounded.length + lp.open.length,
      columns: lp.chosen.length,
    },
  };
}

function rounded(columns: Columns, x: Float64Array, prices: Prices): Whole {
  const whole = floored(columns, x);
  const margins = marginsOf(columns, prices);
  shed(columns, whole, margins);
  fill(columns, whole, margins);
  exchange(columns, whole, margins);
  return whole;
}

/** Without a program: by greed, or the mean of what the classes chose while prices settled. */
function fromPrices(columns: Columns, { prices, recent }: Descent): Whole {
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
  return greedily.reduce((a, b) => better(columns, a, b), rounded(columns, mean, prices));
}

function placementsOf({ value, classOf, on }: Columns, { units }: Whole): Placement[] {
  const placed: Placement[] = [];
  for (let column = 0; column < value.length; column++) {
    const count = units[column] ?? 0;
    if (count > 0) placed.push({ class: classOf[column] ?? 0, on: on[column] ?? 0, units: count });
  }
  return placed;
}
