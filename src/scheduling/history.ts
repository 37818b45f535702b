/**
 * Past use, so that shares hold over time and not only at a moment: a decayed mean of what was in use, in milli-units,
 * as HTCondor and Armada count it. Floats, for it only ever decays; `weighted` makes the integers a round counts with.
 */
import { add, type Resources } from "../model/resources.ts";

/** What is left after so long of what counted in full. */
const left = (elapsedMs: number, halfLifeMs: number): number =>
  halfLifeMs > 0 ? 2 ** (-Math.max(0, elapsedMs) / halfLifeMs) : 0;

const times = (resources: Resources, factor: number): Resources =>
  Object.fromEntries(Object.entries(resources).map(([name, amount]) => [name, amount * factor]));

/**
 * The mean after so much was in use for so long; of constant use it nears that. How the time is cut does not matter.
 * @param usage what was in use meanwhile; if that changed, its mean
 */
export function accrue(past: Resources, usage: Resources, elapsedMs: number, halfLifeMs: number): Resources {
  const kept = left(elapsedMs, halfLifeMs);
  return add(times(past, kept), usage, 1 - kept);
}

/**
 * Counts a hand-out at once as if it had run for `penaltyMs` already: what ends before anyone looks at what is in use
 * has still cost something. What runs on is accrued on top.
 */
export const enter = (
  past: Resources,
  demand: Resources,
  tasks: number,
  penaltyMs: number,
  halfLifeMs: number,
): Resources => add(past, demand, tasks * (1 - left(penaltyMs, halfLifeMs)));

/** As a round counts it beside present use; less than half a milli-unit is forgotten. */
export const weighted = (past: Resources, weight: number): Resources =>
  Object.fromEntries(
    Object.entries(past)
      .map(([name, amount]): [string, number] => [name, Math.round(amount * weight)])
      .filter(([, amount]) => amount > 0),
  );
