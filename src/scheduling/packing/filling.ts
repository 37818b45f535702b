/**
 * From patterns to nodes: swaps find room for pieces that do not fit on the nodes of their kind one by one, and what the
 * program left out fills the gaps.
 */
import { type OfKind, placeEvenly } from "./evenly.ts";
import { Fleet, type PackNode } from "./fleet.ts";
import { fillGaps } from "./gaps.ts";
import type { Choice } from "./packer.ts";
import type { Group, Pattern } from "./patterns.ts";
import { type Piece, Pieces } from "./pieces.ts";
import type { Used } from "./program.ts";
import { devicesMilli, type Shape, WHOLE_DEVICE_MILLI } from "./shape.ts";
import { fillBySwaps, type Placed } from "./swaps.ts";

export interface Filled {
  choices: (Choice | null)[];
  usedMilli: number;
  /** kinds of nodes that did not hold all that was chosen for them */
  tightKinds: ReadonlySet<number>;
}

export function fill(
  nodes: readonly PackNode[],
  shapes: readonly Shape[],
  cut: { chosen: readonly Used<Pattern>[]; groups: readonly Group[]; others: readonly number[] },
): Filled {
  const fleet = new Fleet(nodes);
  const pieces = new Pieces(fleet, shapes);
  const { chosen, unused } = piecesOf(pieces, cut.chosen, cut.groups);
  const { placed, waiting } = placeEvenly(fleet, chosen);
  const yielded = giveWay(fleet, placed, waiting);
  const missed = fillBySwaps(fleet, placed, waiting);
  const isMissed = new Set(missed.filter(({ ask }) => ask.count > 0));
  fillBySwaps(fleet, placed, [...missed, ...yielded, ...pieces.of([...unused, ...cut.others])]);
  const choices = Array<Choice | null>(shapes.length).fill(null);
  for (const { piece, node, devices } of placed) for (const index of piece.members) choices[index] = { node, devices };
  fillGaps(nodes, shapes, choices);
  return {
    choices,
    usedMilli: shapes.reduce((sum, shape, index) => sum + (choices[index] ? devicesMilli(shape) : 0), 0),
    tightKinds: new Set(chosen.filter(({ piece }) => isMissed.has(piece)).map(({ kind }) => kind)),
  };
}

function piecesOf(
  pieces: Pieces,
  chosen: readonly Used<Pattern>[],
  groups: readonly Group[],
): { chosen: OfKind[]; unused: number[] } {
  const unused = groups.map(({ tasks }) => [...tasks]);
  const isShare = (group: number): boolean => (groups[group] as Group).ask.milli % WHOLE_DEVICE_MILLI > 0;
  const ofKinds = chosen.flatMap(({ column: { kind, members }, times }) =>
    Array.from({ length: times }, () => {
      const tasks = members.map((group) => (unused[group] as number[]).pop() as number);
      const piece = members.some(isShare) ? pieces.bundle(tasks) : pieces.single(tasks[0] as number);
      return { kind, piece };
    }),
  );
  return { chosen: ofKinds, unused: unused.flat() };
}

/** Tasks without devices leave nodes with idle ones that a waiting piece may use. @returns those that left @param placed they are taken out */
function giveWay(fleet: Fleet, placed: Placed<Piece>[], waiting: readonly Piece[]): Piece[] {
  const claims = [...new Set(waiting.map(({ ask }) => ask))].filter(({ count }) => count > 0);
  const isClaimed = (node: number): boolean =>
    claims.some((ask) => fleet.idleWhole(node) >= ask.count && fleet.allows(node, ask));
  const stays = ({ piece, node }: Placed<Piece>): boolean => piece.ask.count > 0 || !isClaimed(node);
  const { staying = [], leaving = [] } = Object.groupBy(placed, (each) => (stays(each) ? "staying" : "leaving"));
  for (const { piece, node, devices } of leaving) fleet.take(node, piece.ask, devices, -1);
  placed.splice(0, placed.length, ...staying);
  return leaving.map(({ piece }) => piece);
}
