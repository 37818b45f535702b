/**
 * Fills devices that are free but short of other amounts: a task there changes places with a lighter one elsewhere, so
 * that one that waits fits. For batches; nothing that was placed is dropped.
 */
import type { Ask, Fleet } from "./fleet.ts";
import { WHOLE_DEVICE_MILLI } from "./shape.ts";

export interface Waiting {
  ask: Ask;
  /** of devices, that its tasks really use */
  usedMilli: number;
}

export interface Placed<Piece extends Waiting> {
  piece: Piece;
  node: number;
  devices: readonly number[];
}

/** @param placed is added to, and its nodes and devices change @param waiting what found no place @returns what still waits */
export function fillBySwaps<Piece extends Waiting>(
  fleet: Fleet,
  placed: Placed<Piece>[],
  waiting: readonly Piece[],
): Piece[] {
  const shapes = Map.groupBy(
    waiting.filter(({ ask }) => ask.count === 1),
    ({ ask }) => ask.shape,
  );
  const queues = [...shapes.values()].sort((a, b) => usedBy(b) - usedBy(a) || weight(a[0]) - weight(b[0]));
  const onNode = Map.groupBy(placed.filter(isMovable), ({ node }) => node);
  for (let node = 0; node < fleet.size; node += 1) {
    for (const queue of queues) {
      for (let next = queue.at(-1); next !== undefined; next = queue.at(-1)) {
        const device = (fleet.devices[node] as number[]).indexOf(WHOLE_DEVICE_MILLI);
        if (device < 0 || !fleet.allows(node, next.ask)) break;
        if (!fleet.fits(node, next.ask) && !swapFor(fleet, node, next.ask, onNode)) break;
        fleet.take(node, next.ask, [device]);
        queue.pop();
        placed.push({ piece: next, node, devices: [device] });
      }
    }
  }
  return [...waiting.filter(({ ask }) => ask.count !== 1), ...queues.flat()];
}

const usedBy = (queue: readonly Waiting[]): number => queue[0]?.usedMilli ?? 0;
const weight = (piece: Waiting | undefined): number => piece?.ask.needs.reduce((sum, need) => sum + need, 0) ?? 0;
const isMovable = ({ piece }: Placed<Waiting>): boolean =>
  piece.ask.count === 1 && piece.ask.milli === WHOLE_DEVICE_MILLI;

/** @returns whether a swap made room for it, on a node that has a free device */
function swapFor(
  fleet: Fleet,
  node: number,
  wanted: Ask,
  onNode: ReadonlyMap<number, readonly Placed<Waiting>[]>,
): boolean {
  const missing = wanted.needs.map((need, at) =>
    Math.max(0, need - (fleet.free[node * wanted.needs.length + at] as number)),
  );
  for (const [other, theirs] of onNode) {
    if (other === node || !hasFree(fleet, other, missing)) continue;
    for (const heavy of onNode.get(node) ?? []) {
      if (!fleet.allows(other, heavy.piece.ask)) continue;
      const light = theirs.find(
        ({ piece }) => fleet.allows(node, piece.ask) && helps(fleet, node, other, wanted, heavy.piece.ask, piece.ask),
      );
      if (light === undefined) continue;
      exchange(fleet, heavy, light);
      return true;
    }
  }
  return false;
}

function hasFree(fleet: Fleet, node: number, amounts: Float64Array): boolean {
  for (let at = 0; at < amounts.length; at += 1)
    if ((fleet.free[node * amounts.length + at] as number) < (amounts[at] as number)) return false;
  return true;
}

function helps(fleet: Fleet, node: number, other: number, wanted: Ask, heavy: Ask, light: Ask): boolean {
  const { length } = wanted.needs;
  for (let dimension = 0; dimension < length; dimension += 1) {
    const lighter = (heavy.needs[dimension] as number) - (light.needs[dimension] as number);
    if ((fleet.free[node * length + dimension] as number) + lighter < (wanted.needs[dimension] as number)) return false;
    if ((fleet.free[other * length + dimension] as number) < lighter) return false;
  }
  return true;
}

function exchange(fleet: Fleet, a: Placed<Waiting>, b: Placed<Waiting>): void {
  fleet.take(a.node, a.piece.ask, a.devices, -1);
  fleet.take(b.node, b.piece.ask, b.devices, -1);
  [a.piece, b.piece] = [b.piece, a.piece];
  fleet.take(a.node, a.piece.ask, a.devices);
  fleet.take(b.node, b.piece.ask, b.devices);
}
