/** Good prices without a solver: a deflected subgradient descent with Polyak's step on the dual bound. */
import type { Columns } from "./columns.ts";
import { type Choices, dualBound, noChoices, type Prices } from "./lagrangian.ts";

export interface Descent {
  prices: Prices;
  /** the dual bound at these prices */
  bound: number;
}

const COMMON_STEPS = 60;
/** Of the new direction; the rest is the old one's. Damps the zigzag of the plain subgradient. */
const NEW_PART = 0.4;
/** Steps without progress until the step length shrinks. */
const PATIENCE = 3;
const SHRINK = 0.5;
/** Less than this, as a share of the bound, is no progress. */
const PROGRESS = 1e-4;
/** The optimum is taken to be this much below the best bound so far. */
const EXPECTED_GAP = 0.02;

/** @param from prices to start at; null: one price per resource, the same everywhere */
export function descend(columns: Columns, from: Prices | null, steps: number): Descent {
  const choices = noChoices(columns);
  const start = from ?? commonPrices(columns);
  const best: Descent = { prices: start.slice(), bound: Number.POSITIVE_INFINITY };
  const prices = start.slice();
  const scale = new Float64Array(prices.length);
  const direction = new Float64Array(prices.length);
  let length = 0.5;
  let idle = 0;
  for (let step = 0; step < steps; step++) {
    const bound = dualBound(columns, prices, choices);
    if (step === 0) setScale(columns, choices, scale);
    idle = bound < best.bound * (1 - PROGRESS) ? 0 : idle + 1;
    if (bound < best.bound) {
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
    if (square === 0) break;
    move(prices, direction, scale, (length * (bound - best.bound * (1 - EXPECTED_GAP))) / square);
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

/** The prices if everything were one partition: few numbers, found in a few cheap passes over the classes. */
function commonPrices(columns: Columns): Prices {
  const pooled = pooledColumns(columns);
  const { prices } = descend(pooled, new Float64Array(columns.resources), COMMON_STEPS);
  const common = new Float64Array(columns.places * columns.resources);
  for (let k = 0; k < columns.partitions * columns.resources; k++) {
    if (Number.isFinite(columns.bound[k] ?? 0)) common[k] = prices[k % columns.resources] ?? 0;
  }
  return common;
}

/** One partition with what all have, and each class' most valuable column there. */
function pooledColumns({ resources, partitions, classes, bound, demand, count, first, value }: Columns): Columns {
  const pooled = new Float64Array(resources);
  for (let k = 0; k < partitions * resources; k++)
    pooled[k % resources] = (pooled[k % resources] ?? 0) + (bound[k] ?? 0);
  const most = new Float64Array(classes);
  for (let each = 0; each < classes; each++) {
    for (let column = first[each] ?? 0; column < (first[each + 1] ?? 0); column++)
      most[each] = Math.max(most[each] ?? 0, value[column] ?? 0);
  }
  return {
    resources,
    partitions: 1,
    places: 1,
    classes,
    bound: pooled,
    demand,
    count,
    first: Int32Array.from({ length: classes + 1 }, (_, index) => index),
    value: most,
    partition: new Int32Array(classes),
    classOf: Int32Array.from({ length: classes }, (_, index) => index),
    on: new Int32Array(classes),
    firstRow: new Int32Array(classes + 1),
    rows: new Int32Array(0),
  };
}
