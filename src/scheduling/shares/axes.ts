/** Resource names as positions, so that what a round repeats a hundred thousand times works on plain arrays. */
import type { Resources } from "../../model/resources.ts";

/** Amounts by position; milli-units. */
export type Vector = number[];

export interface Axes {
  readonly names: readonly string[];
}

/** Every name that occurs, in an order that does not depend on who names it first. */
export function axesOf(all: Iterable<Resources>): Axes {
  const names = new Set<string>();
  for (const resources of all) for (const name in resources) names.add(name);
  return { names: [...names].sort() };
}

/** @param missing what a resource has that is not named: 0 for an amount, Infinity for a bound */
export const vectorOf = (axes: Axes, resources: Resources, missing = 0): Vector =>
  axes.names.map((name) => resources[name] ?? missing);

export function resourcesOf(axes: Axes, vector: Vector): Resources {
  const resources: Record<string, number> = {};
  for (const [r, name] of axes.names.entries()) if (at(vector, r) !== 0) resources[name] = at(vector, r);
  return resources;
}

/** The amount at a position; every vector of a round is as long as its axes. */
export const at = (vector: Vector, r: number): number => vector[r] as number;

export function addTo(sum: Vector, amounts: Vector, times = 1): void {
  for (let r = 0; r < sum.length; r++) sum[r] = at(sum, r) + at(amounts, r) * times;
}

/** How many times `demand` fits into `room`: 0 when it does not or `room` is overdrawn, Infinity for an empty demand. */
export function timesIn(demand: Vector, room: Vector): number {
  let times = Number.POSITIVE_INFINITY;
  for (let r = 0; r < demand.length; r++) {
    const wanted = at(demand, r);
    if (wanted > 0) times = Math.min(times, Math.floor(at(room, r) / wanted));
  }
  return Math.max(0, times);
}
