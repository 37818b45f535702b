/**
 * Which shapes came so far and how often: plain data to store, of bounded size. What is old counts less, what is rare
 * goes first; nothing is known of what is to come.
 */
import { type Shape, shapeKey } from "./shape.ts";

/** Shapes that are remembered at most. */
export const MOST_SHAPES = 256;
/** With so many seen, every count is halved. */
const HALVE_AT = 32_768;

export interface Learned {
  /** sum of the counts */
  seen: number;
  shapes: Record<string, { shape: Shape; count: number }>;
}

export const nothingLearned = (): Learned => ({ seen: 0, shapes: {} });

/** Counts arrivals, in place. @param key of the shape, where the caller has it */
export function learn(learned: Learned, shape: Shape, key = shapeKey(shape), times = 1): void {
  const known = learned.shapes[key];
  if (known) known.count += times;
  else {
    if (Object.keys(learned.shapes).length >= MOST_SHAPES) forgetRarest(learned);
    learned.shapes[key] = { shape, count: times };
  }
  learned.seen += times;
  while (learned.seen >= HALVE_AT) halve(learned);
}

function forgetRarest(learned: Learned): void {
  let rarest: string | null = null;
  let fewest = Number.POSITIVE_INFINITY;
  for (const [key, { count }] of Object.entries(learned.shapes)) {
    if (count >= fewest) continue;
    rarest = key;
    fewest = count;
  }
  if (rarest === null) return;
  delete learned.shapes[rarest];
  learned.seen -= fewest;
}

function halve(learned: Learned): void {
  learned.seen = 0;
  for (const known of Object.values(learned.shapes)) {
    known.count /= 2;
    learned.seen += known.count;
  }
}
