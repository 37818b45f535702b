/**
 * How much idle device time of a node is of no use to the shapes that came: fragmentation as in FGD (Weng et al.,
 * USENIX ATC'23), but counting how many copies the node's other amounts allow, not only whether one fits.
 */
import type { Ask, Fleet } from "./fleet.ts";
import type { Learned } from "./learned.ts";
import { devicesMilli, WHOLE_DEVICE_MILLI } from "./shape.ts";

/** The heaviest shapes that make up so much of all weight count. */
const TYPICAL_PART = 0.99;

/** Small shapes weigh more than their number: found on traces, best between 1 and 2 (docs/packing.md). */
const SIZE_POWER = 1.5;

/** Typical shapes that ask for as much of a device. */
export interface TypicalSize {
  milli: number;
  /** weights of all typical shapes sum to 1 */
  asks: readonly { ask: Ask; weight: number }[];
}

export function typicalOf(fleet: Fleet, learned: Learned): TypicalSize[] {
  const known = Object.values(learned.shapes)
    .filter(({ shape }) => shape.devices.count > 0)
    .map(({ shape, count }) => ({ shape, weight: count / devicesMilli(shape) ** SIZE_POWER }))
    .sort((a, b) => b.weight - a.weight);
  const all = known.reduce((sum, { weight }) => sum + weight, 0);
  const typical: typeof known = [];
  let counted = 0;
  for (const shape of known) {
    if (counted >= TYPICAL_PART * all) break;
    counted += shape.weight;
    typical.push(shape);
  }
  const sizes = Map.groupBy(typical, ({ shape }) => shape.devices.milli);
  return [...sizes].map(([milli, shapes]) => ({
    milli,
    asks: shapes.map(({ shape, weight }) => ({ ask: fleet.ask(shape), weight: weight / counted })),
  }));
}

/** @returns milli of idle devices, each by the weight of the shapes that can't use it */
export function fragmentsMilli(fleet: Fleet, node: number, typical: readonly TypicalSize[]): number {
  const devices = fleet.devices[node] as number[];
  const idle = fleet.idleMilli(node);
  if (idle === 0) return 0;
  let useful = 0;
  for (const { milli, asks } of typical) {
    let most = 0;
    let roomy = 0;
    for (const free of devices) {
      if (free < milli) continue;
      most += 1;
      roomy += free;
    }
    if (most === 0) continue;
    for (const { ask, weight } of asks) {
      if (!fleet.allows(node, ask) || most < ask.count) continue;
      const copies = fleet.copiesByAmounts(node, ask, Math.floor(most / ask.count));
      useful += weight * (milli === WHOLE_DEVICE_MILLI ? copies * ask.count * milli : (copies * roomy) / most);
    }
  }
  return idle - useful;
}
