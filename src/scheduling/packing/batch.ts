/**
 * Packs a batch that is known as a whole, for the most device time allocated: what can't be had in full is left out.
 * Shares are bundled to whole devices, several orders are tried, swaps fill what is stranded, the fullest result is kept.
 */
import { bundlesOf } from "./bundles.ts";
import { type Ask, Fleet, type PackNode } from "./fleet.ts";
import { learn, nothingLearned } from "./learned.ts";
import { type Choice, Packer, packedTarget, type Target } from "./packer.ts";
import { devicesMilli, type Shape, shapeKey } from "./shape.ts";
import { fillBySwaps, type Placed } from "./swaps.ts";

/** What is placed at once: a task, or a bundle of shares on one device. */
interface Piece {
  ask: Ask;
  key: string;
  members: readonly number[];
  usedMilli: number;
  wasteMilli: number;
}

/** @returns for each shape where it goes; null: nowhere */
export function packBatch(nodes: readonly PackNode[], shapes: readonly Shape[]): (Choice | null)[] {
  const pieces = piecesOf(new Fleet(nodes), shapes);
  let best: (Choice | null)[] = shapes.map(() => null);
  let bestMilli = -1;
  for (const order of ORDERS) {
    const choices = packed(nodes, shapes, [...pieces].sort(order));
    const milli = shapes.reduce((sum, shape, index) => sum + (choices[index] ? devicesMilli(shape) : 0), 0);
    if (milli <= bestMilli) continue;
    best = choices;
    bestMilli = milli;
  }
  return best;
}

function piecesOf(fleet: Fleet, shapes: readonly Shape[]): Piece[] {
  const bundles = bundlesOf(shapes);
  const bundled = new Set(bundles.flatMap(({ members }) => members));
  const alone = [...shapes.entries()]
    .filter(([index]) => !bundled.has(index))
    .map(([index, shape]) => ({ shape, members: [index], wasteMilli: 0 }));
  const asks = new Map<string, Ask>();
  return [...alone, ...bundles].map(({ shape, members, wasteMilli }) => {
    const key = shapeKey(shape);
    const ask = asks.get(key) ?? fleet.ask(shape);
    asks.set(key, ask);
    return { ask, key, members, wasteMilli, usedMilli: devicesMilli(shape) - wasteMilli };
  });
}

const cpus = ({ ask }: Piece): number => ask.shape.amounts.cpus ?? 0;
const ruled = ({ ask }: Piece): number => Number(ask.shape.constraints.length > 0);
const many = ({ ask }: Piece): number => ask.count;

/** Many devices and rules first, then what leaves least over, tasks without devices last; the rest is tried. */
const ORDERS: readonly ((a: Piece, b: Piece) => number)[] = [
  (a, b) => many(b) - many(a) || ruled(b) - ruled(a) || a.wasteMilli - b.wasteMilli || cpus(b) - cpus(a),
  (a, b) => many(b) - many(a) || ruled(b) - ruled(a) || a.wasteMilli - b.wasteMilli || cpus(a) - cpus(b),
  (a, b) => many(b) - many(a) || a.wasteMilli - b.wasteMilli || ruled(b) - ruled(a) || cpus(a) - cpus(b),
];

function packed(nodes: readonly PackNode[], shapes: readonly Shape[], pieces: readonly Piece[]): (Choice | null)[] {
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
  const fleet = new Fleet(nodes);
  for (const { piece, node, devices } of placed) fleet.take(node, piece.ask, devices);
  const left = fillBySwaps(fleet, placed, waiting);
  const choices = Array<Choice | null>(shapes.length).fill(null);
  for (const { piece, node, devices } of placed) for (const index of piece.members) choices[index] = { node, devices };
  fillGaps(
    fleet,
    shapes,
    left.flatMap(({ members }) => members),
    choices,
  );
  return choices;
}

/** Single tasks of what still waits go wherever they fit, the largest first, the tightest device first. */
function fillGaps(fleet: Fleet, shapes: readonly Shape[], tasks: readonly number[], choices: (Choice | null)[]): void {
  const largestFirst = [...tasks].sort((a, b) => devicesMilli(shapes[b] as Shape) - devicesMilli(shapes[a] as Shape));
  const hopeless = new Set<string>();
  for (const index of largestFirst) {
    const shape = shapes[index] as Shape;
    const key = shapeKey(shape);
    if (hopeless.has(key)) continue;
    const choice = tightest(fleet, fleet.ask(shape));
    if (choice === null) hopeless.add(key);
    else fleet.take(choice.node, fleet.ask(shape), choice.devices);
    choices[index] = choice;
  }
}

function tightest(fleet: Fleet, ask: Ask): Choice | null {
  let best: Choice | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (let node = 0; node < fleet.size; node += 1) {
    if (!fleet.fits(node, ask)) continue;
    const devices = fleet.devices[node] as number[];
    const roomy = [...devices.keys()].filter((device) => (devices[device] as number) >= ask.milli);
    const chosen = roomy.sort((a, b) => (devices[a] as number) - (devices[b] as number)).slice(0, ask.count);
    const left = chosen.reduce((sum, device) => sum + (devices[device] as number), 0);
    if (left >= least) continue;
    least = left;
    best = { node, devices: chosen };
  }
  return best;
}
