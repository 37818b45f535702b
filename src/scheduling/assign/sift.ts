/**
 * Sifting: solve the program over few columns, let its prices say which others would pay, add those, again. It ends
 * when the value is within a tolerance of the dual bound, which is valid at every step.
 */
import type { Columns } from "./columns.ts";
import { dualBound, margin, noChoices, type Prices } from "./lagrangian.ts";
import type { LpBasis, LpSolver } from "./lp.ts";
import { programOf, type Solved, solvedOf } from "./program.ts";
import { addColumn, openClass, type Restricted, raiseFees } from "./restricted.ts";

export interface Sifted {
  /** of the lowest bound */
  prices: Prices;
  bound: number;
  /** null: the solver failed at once */
  solved: Solved | null;
  iterations: number;
  rounds: number;
}

/** Of the bound: as near as that is the end. */
const TOLERANCE = 1e-4;
/** Of the tolerance, what overdrafts may cost at the end. */
const OVERDRAFTS = 0.1;
const MAX_ROUNDS = 10;
/** Of the simplex, in all; and iterations by rows, about 3 s of a Worker's time. */
const MAX_ITERATIONS = 20_000;
const MAX_WORK = 30_000_000;
/** Columns that enter in the first round; in each, twice as many as before. */
const ENTERING = 500;
/** The solver's memory never shrinks. */
const MAX_CHOSEN = 40_000;
/** Of its value, how far a column may be behind its class' best at steady prices; in each round, ten times as far. */
const BEHIND = 1e-3;
/** Of the lowest bound's prices; the rest is the program's, which swing wildly while columns are missing. */
const STEADY = 0.8;
/** A column pays if it does by more than this share of the mean value. */
const PAYS = 1e-7;

/** @param first how the first program is solved; later ones begin with what satisfies their rows */
export function sift(
  lp: Restricted,
  solver: LpSolver,
  from: { prices: Prices; bound: number },
  first: "primal" | "dual",
): Sifted {
  const lowest = new Lowest(lp.columns, from);
  let solved: Solved | null = null;
  let iterations = 0;
  let work = 0;
  let rounds = 0;
  while (rounds < MAX_ROUNDS) {
    const program = programOf(lp);
    const rows = program.rowUpper.length;
    const maxIterations = Math.min(MAX_ITERATIONS - iterations, Math.floor((MAX_WORK - work) / rows));
    if (maxIterations <= 0) break;
    const simplex = rounds === 0 ? first : "primal";
    const outcome = solver.solve(program, { maxIterations, start: basisOf(lp), simplex });
    if (!outcome) break;
    rounds++;
    iterations += outcome.iterations;
    work += outcome.iterations * rows;
    lp.columnStatus = [...outcome.basis.columns];
    lp.rowStatus = [...outcome.basis.rows];
    solved = solvedOf(lp, outcome);
    lowest.try(solved.prices);
    const steady = steadyPrices(lowest.prices, solved.prices);
    lowest.try(steady);
    const missing = (lowest.bound - solved.value + solved.fees) / lowest.bound;
    if (missing <= TOLERANCE && solved.fees <= OVERDRAFTS * TOLERANCE * lowest.bound) break;
    const raised = raiseFees(lp, solved.overdrawn, missing <= 10 * TOLERANCE);
    const entered = enter(lp, solved, steady, rounds);
    if (!raised && !entered) break;
  }
  return { prices: lowest.prices, bound: lowest.bound, solved, iterations, rounds };
}

const basisOf = ({ columnStatus, rowStatus }: Restricted): LpBasis => ({
  columns: Int32Array.from(columnStatus),
  rows: Int32Array.from(rowStatus),
});

/** The lowest bound so far, and its prices. */
class Lowest {
  bound: number;
  readonly prices: Prices;
  readonly #columns: Columns;
  readonly #choices;

  constructor(columns: Columns, { prices, bound }: { prices: Prices; bound: number }) {
    this.#columns = columns;
    this.#choices = noChoices(columns);
    this.bound = bound;
    this.prices = prices.slice();
  }

  try(prices: Prices): void {
    const bound = dualBound(this.#columns, prices, this.#choices);
    // Not if it is NaN either, which a program that was stopped might give.
    if (!(bound < this.bound)) return;
    this.bound = bound;
    this.prices.set(prices);
  }
}

const steadyPrices = (lowest: Prices, program: Prices): Prices =>
  lowest.map((price, k) => STEADY * price + (1 - STEADY) * (program[k] ?? 0));

interface Entering {
  each: number;
  /** -1: the class should be open, to have less than it is fixed at */
  column: number;
  /** at the program's prices, of all units */
  gain: number;
  /** margin at steady prices */
  steady: number;
}

/** @returns whether there was any column that pays */
function enter(lp: Restricted, solved: Solved, steady: Prices, round: number): boolean {
  const entering: Entering[] = [];
  for (let each = 0; each < lp.columns.classes; each++) entering.push(...enteringOf(lp, solved, steady, round, each));
  entering.sort((a, b) => b.gain - a.gain || a.each - b.each || a.column - b.column);
  const places = Math.max(0, Math.min(ENTERING * 2 ** (round - 1), MAX_CHOSEN - lp.chosen.length));
  for (const { each, column } of entering.slice(0, places)) {
    openClass(lp, each);
    if (column >= 0) addColumn(lp, column);
  }
  return entering.length > 0 && places > 0;
}

/** Of one class: the columns that pay at the program's prices, and at steady ones are not far behind its best. */
function enteringOf(lp: Restricted, solved: Solved, steady: Prices, round: number, each: number): Entering[] {
  const { columns, fixed, rowOf } = lp;
  const { first, value } = columns;
  const count = columns.count[each] ?? 0;
  const from = first[each] ?? 0;
  const to = first[each + 1] ?? 0;
  const least = PAYS * lp.worth;
  const isOpen = (rowOf[each] ?? -1) >= 0;
  const current = fixed[each] ?? -1;
  const now = isOpen ? (solved.classPrice[each] ?? 0) : current < 0 ? 0 : margin(columns, solved.prices, current);
  const entering: Entering[] = [];
  if (!isOpen && now < -least) entering.push({ each, column: -1, gain: -now * count, steady: 0 });
  let best = 0;
  for (let column = from; column < to; column++) best = Math.max(best, margin(columns, steady, column));
  for (let column = from; column < to; column++) {
    if (lp.isChosen[column]) continue;
    const left = margin(columns, steady, column);
    if (left < best - BEHIND * 10 ** (round - 1) * (value[column] ?? 0)) continue;
    const gain = margin(columns, solved.prices, column) - now;
    if (gain > least) entering.push({ each, column, gain: gain * count, steady: left });
  }
  const most = 2 ** (round - 1);
  if (entering.length <= most) return entering;
  return entering.sort((a, b) => b.steady - a.steady || a.column - b.column).slice(0, most);
}
