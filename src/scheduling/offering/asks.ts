/** Roles of frameworks that want offers, as askers in the line of shares: a whole free node at a time. */
import { fits, type Resources } from "../../model/resources.ts";
import type { FreeRoom } from "../../protocol/levels.ts";
import type { Filling } from "../filling/wants.ts";
import type { RoundFramework } from "../input.ts";
import { type Axes, addTo, at, resourcesOf, type Vector, vectorOf } from "../shares/axes.ts";
import type { Room } from "../shares/rooms.ts";
import type { Leaf } from "../shares/tree.ts";

/** Nodes of a room that are alike; of what nobody has refused, the same for all askers. */
export interface Stock {
  readonly free: Vector;
  nodes: number;
}

export interface Ask {
  readonly framework: RoundFramework;
  readonly leaf: Leaf;
  /** by a room's index, what it would take there of what is free */
  readonly stocks: ReadonlyMap<number, Stock[]>;
}

/** Whether an offer of so much is worth making: it has any of the minimal amounts. */
export const isAllocatable = (amounts: Resources, minimum: readonly Resources[]): boolean =>
  minimum.length === 0
    ? Object.values(amounts).some((amount) => amount > 0)
    : minimum.some((one) => fits(one, amounts));

/** It took nothing there when it was asked last. */
export const isIdleIn = ({ framework }: Ask, { partition }: Room): boolean =>
  framework.idleIn?.has(partition.cluster) ?? false;

/** Of those that want more. What is free in a room is the same for all that have refused nothing there. */
export function asksOf({ facts, tree, rooms }: Filling): Ask[] {
  const whole = new Map(rooms.map((room) => [room, stocksOf(facts.axes, room.partition.rooms ?? [])]));
  return [...tree.frameworks]
    .filter(([{ wants }]) => wants === "more")
    .map(([framework, leaf]) => {
      const stocks = new Map<number, Stock[]>();
      for (const room of rooms) {
        const there = stocksFor(facts.axes, framework, room, whole.get(room) ?? []);
        if (there.length > 0) stocks.set(room.index, there);
      }
      return { framework, leaf, stocks };
    });
}

const stocksOf = (axes: Axes, rooms: readonly FreeRoom[]): Stock[] =>
  rooms.map(({ free, nodes }) => ({ free: vectorOf(axes, free), nodes }));

function stocksFor(axes: Axes, framework: RoundFramework, room: Room, whole: readonly Stock[]): Stock[] {
  const { takes, minimum, takesGpus } = framework;
  const some = takes.get(room.key);
  if (some !== undefined) {
    if (some.nodes === 0) return [];
    const mean = vectorOf(axes, some.amounts).map((amount) => Math.floor(amount / some.nodes));
    return isAllocatable(resourcesOf(axes, mean), minimum) ? [{ free: mean, nodes: some.nodes }] : [];
  }
  const gpus = axes.names.indexOf("gpus");
  return whole
    .filter(({ free }) => takesGpus || gpus < 0 || at(free, gpus) === 0)
    .filter(({ free }) => isAllocatable(resourcesOf(axes, free), minimum));
}

/** The mean of the nodes that it would take, and how many those are in each room; null: none. */
export function meanOf(axes: Axes, { stocks }: Ask): { demand: Vector; nodes: ReadonlyMap<number, number> } | null {
  const sum = vectorOf(axes, {});
  const nodes = new Map<number, number>();
  let all = 0;
  for (const [index, there] of stocks) {
    for (const stock of there) {
      addTo(sum, stock.free, stock.nodes);
      nodes.set(index, (nodes.get(index) ?? 0) + stock.nodes);
      all += stock.nodes;
    }
  }
  return all === 0 ? null : { demand: sum.map((amount) => Math.floor(amount / all)), nodes };
}
