/**
 * Gives the nodes of a kind the pieces that were chosen for all of them together: the largest first, each where most
 * stays for every device that is still idle, so that all devices of all nodes can be had in the end.
 */
import type { Fleet } from "./fleet.ts";
import type { Piece } from "./pieces.ts";
import { WHOLE_DEVICE_MILLI } from "./shape.ts";
import type { Placed } from "./swaps.ts";

export interface OfKind {
  kind: number;
  piece: Piece;
}

/** @param fleet is taken from @returns those that found a place and those that did not */
export function placeEvenly(fleet: Fleet, chosen: readonly OfKind[]): { placed: Placed<Piece>[]; waiting: Piece[] } {
  const nodesOf = Map.groupBy(Array(fleet.size).keys(), (node) => fleet.kindOf[node] as number);
  const placed: Placed<Piece>[] = [];
  const waiting: Piece[] = [];
  for (const [kind, ofKind] of Map.groupBy(chosen, ({ kind }) => kind)) {
    const nodes = nodesOf.get(kind) ?? [];
    const mean = meanOf(fleet, nodes);
    const size = ({ ask }: Piece): number => Math.max(...mean.map((amount, at) => (ask.needs[at] as number) / amount));
    const largestFirst = ofKind
      .map(({ piece }) => ({ piece, several: Math.max(1, piece.ask.count), size: size(piece) }))
      .sort((a, b) => b.several - a.several || b.size - a.size);
    for (const { piece } of largestFirst) {
      const node = roomiest(fleet, nodes, piece, mean);
      if (node === null) {
        waiting.push(piece);
        continue;
      }
      const devices = idleOn(fleet, node).slice(0, piece.ask.count);
      fleet.take(node, piece.ask, devices);
      placed.push({ piece, node, devices });
    }
  }
  return { placed, waiting };
}

const idleOn = (fleet: Fleet, node: number): number[] => {
  const devices = fleet.devices[node] as number[];
  return [...devices.keys()].filter((device) => devices[device] === WHOLE_DEVICE_MILLI);
};

/** By dimension, what an idle device's part of the nodes is. */
function meanOf(fleet: Fleet, nodes: readonly number[]): number[] {
  const idle = Math.max(
    1,
    nodes.reduce((sum, node) => sum + idleOn(fleet, node).length, 0),
  );
  return fleet.dimensions.map(
    (_, dimension, { length }) =>
      nodes.reduce((sum, node) => sum + (fleet.free[node * length + dimension] as number), 0) / idle || 1,
  );
}

/** Several devices go where fewest stay idle. */
function roomiest(fleet: Fleet, nodes: readonly number[], { ask }: Piece, mean: readonly number[]): number | null {
  let best: number | null = null;
  let most = Number.NEGATIVE_INFINITY;
  for (const node of nodes) {
    const idle = fleet.idleWhole(node) - ask.count;
    if (idle < 0 || !fleet.allows(node, ask) || fleet.copiesByAmounts(node, ask, 1) < 1) continue;
    let least = Number.POSITIVE_INFINITY;
    for (let at = 0, { length } = mean; at < length; at += 1) {
      const left = (fleet.free[node * length + at] as number) - (ask.needs[at] as number);
      least = Math.min(least, left / (mean[at] as number));
    }
    const room = ask.count > 1 ? least - idle * 1e6 : least / Math.max(1, idle);
    if (room <= most) continue;
    most = room;
    best = node;
  }
  return best;
}
