/**
 * Sifting: solve the program over few columns, let its prices say which others would pay, add those, again. It ends
 * when the value is within a tolerance of the dual bound, which is valid at every step.
 */
import type { Columns } from "./columns.ts";
import { type Choices, dualBound, margin, noChoices, type Prices } from "./lagrangian.ts";
import type { LpSolver } from "./lp.ts";
import { nearOptions } from "./near.ts";
import {
  addColumn,
  crash,
  openClass,
  programOf,
  type Restricted,
  raiseFees,
  restrictedOf,
  type Solved,
  solvedOf,
} from "./restricted.ts";

export interface Sifted {
  x: Float64Array;
  /** of the best bound */
  prices: Prices;
  bound: number;
  /** null: no program was solved */
  solved: Solved | null;
  restricted: Restricted;
  iterations: number;
  rounds: number;
}

export interface SiftOptions {
  /** a share of the bound */
  tolerance: number;
  maxRounds: number;
  /** of the simplex, over all rounds */
  maxIterations: number;
  /** how the first program is solved; later ones keep satisfying their rows */
  first: "primal" | "dual";
}

/** So many columns enter in one round, so many are there in all: the solver's memory never shrinks. */
const MAX_ENTERING = 4000;
const MAX_CHOSEN = 40_000;
/** Of the best prices so far; the rest is the program's, which swing wildly while columns are missing. */
const STEADY = 0.8;
/** A column pays if it does by more than this share of the mean value. */
const PAYS = 1e-7;

export function startAt(columns: Columns, prices: Prices, width: number): Restricted {
  const choices = noChoices(columns);
  dualBound(columns, prices, choices);
  const lp = restrictedOf(columns, choices, prices);
  const near = nearOptions(columns, prices, choices, width * lp.bounded.length);
  for (let each = 0; each < columns.classes; each++) {
    const from = columns.first[each] ?? 0;
    const to = columns.first[each + 1] ?? 0;
    let options = near.none[each] ?? 0;
    for (let column = from; column < to; column++) options += near.column[column] ?? 0;
    if (options < 2) continue;
    openClass(lp, each);
    for (let column = from; column < to; column++) if (near.column[column]) addColumn(lp, column);
  }
  crash(lp, choices);
  return lp;
}

export function sift(
  lp: Restricted,
  solver: LpSolver,
  start: { prices: Prices; bound: number },
  options: SiftOptions,
): Sifted {
  const { columns } = lp;
  const choices = noChoices(columns);
  const best = { prices: start.prices.slice(), bound: start.bound };
  const lower = (prices: Prices): void => {
    const bound = dualBound(columns, prices, choices);
    if (bound >= best.bound) return;
    best.bound = bound;
    best.prices.set(prices);
  };
  let solved: Solved | null = null;
  let iterations = 0;
  let rounds = 0;
  while (rounds < options.maxRounds && iterations < options.maxIterations) {
    const outcome = solver.solve(programOf(lp), {
      maxIterations: options.maxIterations - iterations,
      start: lp.basis,
      simplex: rounds === 0 ? options.first : "primal",
    });
    if (!outcome) break;
    rounds++;
    iterations += outcome.iterations;
    lp.basis = outcome.basis;
    solved = solvedOf(lp, outcome);
    lower(solved.prices);
    const { prices } = solved;
    lower(best.prices.map((price, k) => STEADY * price + (1 - STEADY) * (prices[k] ?? 0)));
    const missing = best.bound - (solved.value - solved.fees);
    if (missing <= options.tolerance * best.bound) break;
    const steady = best.prices.map((price, k) => STEADY * price + (1 - STEADY) * (prices[k] ?? 0));
    const raised = raiseFees(lp, solved);
    if (!enter(lp, solved, steady, choices) && !raised) break;
  }
  return {
    x: solved?.x ?? new Float64Array(0),
    prices: best.prices,
    bound: best.bound,
    solved,
    restricted: lp,
    iterations,
    rounds,
  };
}

/** Adds each class' best column at steady prices, if it pays at the program's. @returns whether there was any */
function enter(lp: Restricted, solved: Solved, steady: Prices, choices: Choices): boolean {
  const { columns, fixed, rowOf } = lp;
  const entering: { each: number; column: number; gain: number }[] = [];
  for (const prices of [steady, solved.prices]) {
    dualBound(columns, prices, choices);
    for (let each = 0; each < columns.classes; each++) {
      const column = choices.column[each] ?? -1;
      if (column >= 0 && lp.isChosen[column]) continue;
      const isOpen = (rowOf[each] ?? -1) >= 0;
      const current = fixed[each] ?? -1;
      if (!isOpen && column === current) continue;
      const now = isOpen ? (solved.classPrice[each] ?? 0) : current < 0 ? 0 : margin(columns, solved.prices, current);
      const then = column < 0 ? 0 : margin(columns, solved.prices, column);
      const gain = (then - now) * (columns.count[each] ?? 0);
      if (then - now > PAYS * lp.worth) entering.push({ each, column, gain });
    }
    if (entering.length > 0) break;
  }
  entering.sort((a, b) => b.gain - a.gain || a.each - b.each);
  const places = Math.min(MAX_ENTERING, MAX_CHOSEN - lp.chosen.length);
  for (const { each, column } of entering.slice(0, Math.max(0, places))) {
    openClass(lp, each);
    if (column >= 0) addColumn(lp, column);
  }
  return entering.length > 0 && places > 0;
}
