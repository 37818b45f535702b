/** Good prices without a solver: a deflected subgradient descent with Polyak's step on the dual bound. */
import type { Columns } from "./columns.ts";
import { type Choices, dualBound, noChoices, type Prices } from "./lagrangian.ts";

export interface Descent {
  prices: Prices;
  /** the dual bound at these prices */
  bound: number;
  /** what the classes chose in the last steps, by class each; their mean is near to a solution */
  recent: Int32Array[];
}

export interface DescentOptions {
  maxSteps: number;
  /** of the first step, in Polyak's measure: 1 would reach the expected optimum if the bound were linear */
  length: number;
}

/** The optimum is expected to be this much below the lowest bound so far, as a share of it. */
const EXPECTED_GAP = 0.02;
/** Of the new direction; the rest is the old one's. Damps the zigzag of the plain subgradient. */
const NEW_PART = 0.4;
/** After so many steps without progress, from the best prices with shorter steps. */
const PATIENCE = 3;
const SHRINK = 0.5;
/** A step that gains this part of what was expected of it makes the next ones longer. */
const GOOD_STEP = 0.25;
const GROW = 1.5;
/** Less than this, as a share of the bound, is no progress. */
const PROGRESS = 1e-4;
/** With shorter steps it goes nowhere. */
const SHORTEST = 1e-3;
/** How many of the last choices are kept. */
const RECENT = 24;

/** @param from prices to start at */
export function descend(columns: Columns, from: Prices, options: DescentOptions): Descent {
  const choices = noChoices(columns);
  const best: Descent = { prices: from.slice(), bound: Number.POSITIVE_INFINITY, recent: [] };
  const prices = from.slice();
  const scale = new Float64Array(prices.length);
  const direction = new Float64Array(prices.length);
  let { length } = options;
  let idle = 0;
  for (let step = 0; step < options.maxSteps && length > SHORTEST; step++) {
    const bound = dualBound(columns, prices, choices);
    best.recent[step % RECENT] = choices.column.slice();
    if (step === 0) setScale(columns, choices, scale);
    const gain = best.bound - bound;
    if (step > 0 && gain > GOOD_STEP * length * EXPECTED_GAP * best.bound) length *= GROW;
    idle = gain > PROGRESS * best.bound || step === 0 ? 0 : idle + 1;
    if (gain > 0) {
      best.bound = bound;
      best.prices.set(prices);
    }
    if (idle >= PATIENCE) {
      length *= SHRINK;
      idle = 0;
      prices.set(best.prices);
    }
    turn(columns, choices, scale, direction, step === 0 ? 1 : NEW_PART);
    const square = squareOf(prices, direction);
    if (square > 0) move(prices, direction, scale, (length * (bound - best.bound * (1 - EXPECTED_GAP))) / square);
    else prices.set(best.prices);
  }
  return best;
}

/** Amounts differ by orders of magnitude: each is measured by its bound, or by the demand for it where that is more. */
function setScale({ bound }: Columns, { use }: Choices, scale: Float64Array): void {
  for (let k = 0; k < scale.length; k++) {
    const limit = bound[k] ?? 0;
    scale[k] = Number.isFinite(limit) ? Math.max(limit, use[k] ?? 0) || 1 : 0;
  }
}

/** Where less than the bound is used the price should fall, where more, rise. */
function turn({ bound }: Columns, { use }: Choices, scale: Float64Array, direction: Float64Array, part: number): void {
  for (let k = 0; k < direction.length; k++) {
    const measure = scale[k] ?? 0;
    if (measure === 0) continue;
    const gradient = ((bound[k] ?? 0) - (use[k] ?? 0)) / measure;
    direction[k] = part * gradient + (1 - part) * (direction[k] ?? 0);
  }
}

function squareOf(prices: Prices, direction: Float64Array): number {
  let square = 0;
  for (let k = 0; k < prices.length; k++) {
    const along = direction[k] ?? 0;
    if ((prices[k] ?? 0) > 0 || along < 0) square += along * along;
  }
  return square;
}

function move(prices: Prices, direction: Float64Array, scale: Float64Array, length: number): void {
  for (let k = 0; k < prices.length; k++) {
    const measure = scale[k] ?? 0;
    if (measure > 0) prices[k] = Math.max(0, (prices[k] ?? 0) - (length * (direction[k] ?? 0)) / measure);
  }
}
