/**
 * What the counted amounts of a node are worth to the tasks that came so far: how much of an average mix of them it still
 * holds. Taking cpus where memory is short costs little, taking memory there costs all that it would have held: so nodes
 * are used up evenly, and nothing is left that nobody asks for. For nodes without devices.
 */
import type { Ask, Fleet, Kind } from "./fleet.ts";
import type { Learned } from "./learned.ts";

/** The most frequent shapes that make up so much of all count, and no more than so many. */
const TYPICAL_PART = 0.99;
const MOST_TYPICAL = 32;
/** A mix that moved by less is kept: all judgements would have to be made anew. */
const TOLERANCE = 0.05;

interface Part {
  ask: Ask;
  /** all weights sum to 1 */
  weight: number;
}

export class Mix {
  private readonly fleet: Fleet;
  private parts: readonly Part[] = [];
  /** by dimension: one divided by what there is in all */
  private scale = new Float64Array(0);

  constructor(fleet: Fleet) {
    this.fleet = fleet;
  }

  forget(): void {
    this.parts = [];
  }

  /** Takes in what was learned. @returns whether what it says is another now */
  renew(learned: Learned): boolean {
    const parts = typicalOf(this.fleet, learned);
    if (this.parts.length > 0 && distance(this.parts, parts) < TOLERANCE) return false;
    this.parts = parts;
    const width = this.fleet.dimensions.length;
    const all = new Float64Array(width);
    for (let node = 0; node < this.fleet.size; node += 1) {
      const { capacity } = this.fleet.kinds[this.fleet.kindOf[node] as number] as Kind;
      for (let dimension = 0; dimension < width; dimension += 1)
        all[dimension] = (all[dimension] as number) + (capacity[dimension] as number);
    }
    this.scale = all.map((amount) => (amount > 0 ? 1 / amount : 0));
    return true;
  }

  /**
   * How much of the mix the node holds less once the task is there, in sizes of the task.
   * @returns null: nothing is known of what comes
   */
  lost(node: number, ask: Ask): number | null {
    const { fleet, scale } = this;
    const own = sizeOf(ask, scale);
    if (this.parts.length === 0 || own === 0) return null;
    const { needs } = ask;
    const at = node * needs.length;
    let lost = 0;
    for (const { ask: other, weight } of this.parts) {
      if (!fleet.allows(node, other)) continue;
      let before = Number.POSITIVE_INFINITY;
      let after = Number.POSITIVE_INFINITY;
      for (let dimension = 0; dimension < needs.length; dimension += 1) {
        const need = other.needs[dimension] as number;
        if (need === 0) continue;
        const free = fleet.free[at + dimension] as number;
        before = Math.min(before, free / need);
        after = Math.min(after, (free - (needs[dimension] as number)) / need);
      }
      if (before < Number.POSITIVE_INFINITY) lost += weight * sizeOf(other, scale) * (before - after);
    }
    return lost / own;
  }
}

/** Its part of all there is, over all resources. */
function sizeOf({ needs }: Ask, scale: Float64Array): number {
  let size = 0;
  for (let dimension = 0; dimension < needs.length; dimension += 1)
    size += (needs[dimension] as number) * (scale[dimension] as number);
  return size;
}

function typicalOf(fleet: Fleet, learned: Learned): Part[] {
  const known = Object.values(learned.shapes)
    .filter(({ shape }) => shape.devices.count === 0)
    .sort((a, b) => b.count - a.count);
  const all = known.reduce((sum, { count }) => sum + count, 0);
  const typical: typeof known = [];
  let counted = 0;
  for (const one of known.slice(0, MOST_TYPICAL)) {
    if (counted >= TYPICAL_PART * all) break;
    counted += one.count;
    typical.push(one);
  }
  return typical.map(({ shape, count }) => ({ ask: fleet.ask(shape), weight: count / counted }));
}

/** Half of the weight that is elsewhere: 0 for equal ones, 1 for those that have nothing in common. */
function distance(a: readonly Part[], b: readonly Part[]): number {
  const weights = new Map(a.map(({ ask, weight }) => [ask.shape, weight]));
  let moved = 0;
  for (const { ask, weight } of b) {
    moved += Math.abs(weight - (weights.get(ask.shape) ?? 0));
    weights.delete(ask.shape);
  }
  for (const weight of weights.values()) moved += weight;
  return moved / 2;
}
