/**
 * A batch by order: shares bundled to whole devices, the pieces placed one by one like tasks that arrive, swaps for
 * what is stranded.
 */
import { Fleet, type PackNode } from "./fleet.ts";
import { fillGaps } from "./gaps.ts";
import { learn, nothingLearned } from "./learned.ts";
import { type Choice, Packer, packedTarget, type Target } from "./packer.ts";
import { type Piece, Pieces } from "./pieces.ts";
import type { Shape } from "./shape.ts";
import { fillBySwaps, type Placed } from "./swaps.ts";

const cpus = ({ ask }: Piece): number => ask.shape.amounts.cpus ?? 0;
const ruled = ({ ask }: Piece): number => Number(ask.shape.constraints.length > 0);
const many = ({ ask }: Piece): number => ask.count;

/** Many devices and rules first, then what leaves least over, tasks without devices last; the rest is tried. */
export const ORDERS: readonly ((a: Piece, b: Piece) => number)[] = [
  (a, b) => many(b) - many(a) || ruled(b) - ruled(a) || a.wasteMilli - b.wasteMilli || cpus(b) - cpus(a),
  (a, b) => many(b) - many(a) || ruled(b) - ruled(a) || a.wasteMilli - b.wasteMilli || cpus(a) - cpus(b),
  (a, b) => many(b) - many(a) || a.wasteMilli - b.wasteMilli || ruled(b) - ruled(a) || cpus(a) - cpus(b),
];

export function packOrdered(
  nodes: readonly PackNode[],
  shapes: readonly Shape[],
  order: (a: Piece, b: Piece) => number,
): (Choice | null)[] {
  const fleet = new Fleet(nodes);
  const pieces = new Pieces(fleet, shapes).of([...shapes.keys()]).sort(order);
  const learned = nothingLearned();
  for (const { ask, key } of pieces) learn(learned, ask.shape, key);
  const packer = new Packer(nodes, learned);
  const targets = new Map<string, Target>();
  const placed: Placed<Piece>[] = [];
  const waiting: Piece[] = [];
  for (const piece of pieces) {
    const target = targets.get(piece.key) ?? packedTarget(piece.ask.shape, piece.key);
    targets.set(piece.key, target);
    const choice = packer.choose(target);
    if (choice === null) waiting.push(piece);
    else {
      packer.take(target.shape, choice);
      placed.push({ piece, ...choice });
    }
  }
  for (const { piece, node, devices } of placed) fleet.take(node, piece.ask, devices);
  fillBySwaps(fleet, placed, waiting);
  const choices = Array<Choice | null>(shapes.length).fill(null);
  for (const { piece, node, devices } of placed) for (const index of piece.members) choices[index] = { node, devices };
  fillGaps(nodes, shapes, choices);
  return choices;
}
