/** R, T and U of a league: what there is, how long tasks ran in all, and what part of what there was they used. */
import { add, type Resources } from "../model/resources.ts";

/** A clock that jumped, or an object that slept, counts at most so much. */
const MAX_ELAPSED_MS = 3_600_000;

/** Since the object was built. */
export class Gauges {
  /** milli-unit · ms that there were */
  #capacityMs: Resources = {};
  #usedBefore: Resources | null = null;
  #at: number;

  constructor(now: number) {
    this.#at = now;
  }

  /** @param total what there has been since the last time */
  pass(total: Resources, now: number): void {
    const elapsedMs = Math.max(0, Math.min(now - this.#at, MAX_ELAPSED_MS));
    this.#at = now;
    this.#capacityMs = add(this.#capacityMs, total, elapsedMs);
  }

  /** @param used milli-unit · ms of every use there was, since there is a ledger */
  figures(total: Resources, used: Resources): Record<string, number> {
    this.#usedBefore ??= used;
    const figures: Record<string, number> = {};
    for (const [resource, amount] of Object.entries(total)) {
      const name = resource.replaceAll(/[^a-z0-9_]/g, "_");
      const capacityMs = this.#capacityMs[resource] ?? 0;
      const usedMs = (used[resource] ?? 0) - (this.#usedBefore[resource] ?? 0);
      figures[`resources_${name}`] = amount / 1000;
      figures[`used_${name}_seconds_total`] = (used[resource] ?? 0) / 1e6;
      figures[`utilisation_${name}`] = capacityMs > 0 ? usedMs / capacityMs : 0;
    }
    return figures;
  }
}
