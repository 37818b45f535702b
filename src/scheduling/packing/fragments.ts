/**
 * How much idle device time of a node is of no use to the shapes that came: fragmentation as in FGD (Weng et al.,
 * USENIX ATC'23), but counting how many copies the node's other amounts allow, not only whether one fits.
 */
import type { Ask, Fleet } from "./fleet.ts";
import type { Learned } from "./learned.ts";
import { devicesMilli, WHOLE_DEVICE_MILLI } from "./shape.ts";

/** The heaviest shapes that make up so much of all weight count. */
const TYPICAL_PART = 0.95;

/** Small shapes weigh more than their number: found on traces, best between 1 and 2 (docs/packing.md). */
const SIZE_POWER = 1.5;

export interface Typical {
  ask: Ask;
  /** its part of all */
  weight: number;
}

export function typicalOf(fleet: Fleet, learned: Learned): Typical[] {
  const known = Object.values(learned.shapes)
    .filter(({ shape }) => shape.devices.count > 0)
    .map(({ shape, count }) => ({ shape, weight: count / devicesMilli(shape) ** SIZE_POWER }))
    .sort((a, b) => b.weight - a.weight);
  const all = known.reduce((sum, { weight }) => sum + weight, 0);
  const typical: Typical[] = [];
  let counted = 0;
  for (const { shape, weight } of known) {
    if (counted >= TYPICAL_PART * all) break;
    counted += weight;
    typical.push({ ask: fleet.ask(shape), weight });
  }
  return typical.map(({ ask, weight }) => ({ ask, weight: weight / counted }));
}

/** @returns milli of idle devices, each by the weight of the shapes that can't use it */
export function fragmentsMilli(fleet: Fleet, node: number, typical: readonly Typical[]): number {
  const idle = fleet.idleMilli(node);
  if (idle === 0) return 0;
  let useful = 0;
  for (const { ask, weight } of typical) useful += weight * usefulMilli(fleet, node, ask);
  return idle - useful;
}

function usefulMilli(fleet: Fleet, node: number, ask: Ask): number {
  if (!fleet.allows(node, ask)) return 0;
  const { count, milli } = ask;
  let most = 0;
  let roomy = 0;
  for (const free of fleet.devices[node] as number[]) {
    if (free < milli) continue;
    most += 1;
    roomy += free;
  }
  if (most < count) return 0;
  if (milli === WHOLE_DEVICE_MILLI) {
    return fleet.copiesByAmounts(node, ask, Math.floor(most / count)) * count * WHOLE_DEVICE_MILLI;
  }
  return (roomy * fleet.copiesByAmounts(node, ask, most)) / most;
}
