/**
 * Assigns classes to partitions for the most value: prices by descent, a linear program by sifting where there is a
 * solver, whole units by floor and repair. Reads no clock and draws no numbers: the same input gives the same answer.
 */
import { type Columns, columnsOf } from "./columns.ts";
import { type Descent, descend } from "./descent.ts";
import { fill, floored, shed, type Whole, worthOf } from "./integers.ts";
import { dualBound, noChoices, type Prices } from "./lagrangian.ts";
import type { LpSolver } from "./lp.ts";
import type { AssignProblem, Placement } from "./problem.ts";
import { type Restricted, restrictedOf } from "./restricted.ts";
import { sift, startAt } from "./sift.ts";
import { type AssignWarm, resume, warmOf, warmPrices } from "./warm.ts";

export interface AssignResult {
  placed: Placement[];
  value: number;
  /** no assignment is worth more */
  bound: number;
  gapPct: number;
  method: "sifting" | "prices";
  /** where a later round may start */
  warm: AssignWarm;
  stats: { rounds: number; iterations: number; rows: number; columns: number };
}

const COLD_STEPS = 50;
const WARM_STEPS = 6;
const WIDTH = 8;
const SIFT = { tolerance: 2e-4, maxRounds: 8, maxIterations: 20_000 };

/** @param warm of an earlier round, of whatever problem */
export function assign(problem: AssignProblem, solver: LpSolver | null, warm: AssignWarm | null = null): AssignResult {
  const columns = columnsOf(problem);
  const start = warm
    ? descend(columns, warmPrices(warm, problem, columns), WARM_STEPS)
    : descend(columns, null, COLD_STEPS);
  const lp = warm ? resumed(problem, columns, start, warm) : startAt(columns, start.prices, WIDTH);
  const sifted = solver && sift(lp, solver, start, { ...SIFT, first: warm ? "dual" : "primal" });
  const wholes = [roundedChoices(columns, start.prices)];
  if (sifted?.solved) wholes.push(rounded(columns, sifted.x, sifted.prices));
  const best = wholes.reduce((a, b) => (worthOf(columns, b) > worthOf(columns, a) ? b : a));
  const value = worthOf(columns, best);
  const bound = Math.max(value, sifted?.bound ?? start.bound);
  return {
    placed: placementsOf(columns, best),
    value,
    bound,
    gapPct: bound > 0 ? (100 * (bound - value)) / bound : 0,
    method: sifted?.solved ? "sifting" : "prices",
    warm: warmOf(problem, lp, sifted?.prices ?? start.prices),
    stats: {
      rounds: sifted?.rounds ?? 0,
      iterations: sifted?.iterations ?? 0,
      rows: lp.bounded.length + lp.open.length,
      columns: lp.chosen.length,
    },
  };
}

function resumed(problem: AssignProblem, columns: Columns, { prices }: Descent, warm: AssignWarm): Restricted {
  const choices = noChoices(columns);
  dualBound(columns, prices, choices);
  const lp = restrictedOf(columns, choices, prices);
  resume(warm, problem, lp);
  return lp;
}

function rounded(columns: Columns, x: Float64Array, prices: Prices): Whole {
  const whole = floored(columns, x);
  shed(columns, whole, prices);
  fill(columns, whole, prices);
  return whole;
}

/** Every class at its best column, what is too much taken away again. */
function roundedChoices(columns: Columns, prices: Prices): Whole {
  const choices = noChoices(columns);
  dualBound(columns, prices, choices);
  const x = new Float64Array(columns.value.length);
  choices.column.forEach((column, each) => {
    if (column >= 0) x[column] = columns.count[each] ?? 0;
  });
  return rounded(columns, x, prices);
}

function placementsOf({ value, classOf, on }: Columns, { units }: Whole): Placement[] {
  const placed: Placement[] = [];
  for (let column = 0; column < value.length; column++) {
    const count = units[column] ?? 0;
    if (count > 0) placed.push({ class: classOf[column] ?? 0, on: on[column] ?? 0, units: count });
  }
  return placed;
}
