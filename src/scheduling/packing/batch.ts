/**
 * Packs a batch that is known as a whole, for the most device time allocated: what can't be had in full is left out.
 * A linear program says what the devices hold and how much can be had at all; where that is not reached, several orders
 * are tried as well, and the fullest result is kept.
 */
import { packCut } from "./cut.ts";
import type { PackNode } from "./fleet.ts";
import { ORDERS, packOrdered } from "./ordered.ts";
import type { Choice } from "./packer.ts";
import { devicesMilli, type Shape } from "./shape.ts";

/** Tasks of a batch for which other ways cost next to nothing: only at the bound none is tried. */
const FEW = 1000;
/** Of the bound: other ways hardly find more. */
const NEAR = 0.99;

/** @returns for each shape where it goes; null: nowhere */
export function packBatch(nodes: readonly PackNode[], shapes: readonly Shape[]): (Choice | null)[] {
  const milliOf = (choices: readonly (Choice | null)[]): number =>
    shapes.reduce((sum, shape, index) => sum + (choices[index] ? devicesMilli(shape) : 0), 0);
  const { choices, boundMilli } = packCut(nodes, shapes);
  const enoughMilli = shapes.length > FEW ? NEAR * boundMilli : boundMilli;
  let best = choices;
  for (const order of ORDERS) {
    if (milliOf(best) >= enoughMilli) break;
    const other = packOrdered(nodes, shapes, order);
    if (milliOf(other) > milliOf(best)) best = other;
  }
  return best;
}
