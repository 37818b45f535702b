/** R, T and U of a league: what there is, how long tasks ran in all, and what part of what there was they used. */
import { add, type Resources } from "../model/resources.ts";
import type { RoundView } from "../model/views.ts";
import type { Total } from "./ledger.ts";

/** A clock that jumped, or an object that slept, counts at most so much. */
const MAX_ELAPSED_MS = 3_600_000;

/** T is since there is a ledger, U since the object was built. */
export class Gauges {
  readonly #usedBefore: Resources;
  /** milli-unit · ms that there were */
  #capacityMs: Resources = {};
  #total: Resources;
  #at: number;

  constructor(total: Resources, used: Total, now: number) {
    this.#total = total;
    this.#usedBefore = used.resourceMs;
    this.#at = now;
  }

  /** @param total what there is from now on */
  pass(total: Resources, now: number): void {
    const elapsedMs = Math.max(0, Math.min(now - this.#at, MAX_ELAPSED_MS));
    this.#capacityMs = add(this.#capacityMs, this.#total, elapsedMs);
    this.#total = total;
    this.#at = now;
  }

  view({ taskMs, resourceMs }: Total): Pick<RoundView, "resources" | "taskMs" | "utilisation"> {
    const utilisation: Record<string, number> = {};
    for (const [name, capacityMs] of Object.entries(this.#capacityMs)) {
      const usedMs = (resourceMs[name] ?? 0) - (this.#usedBefore[name] ?? 0);
      if (capacityMs > 0) utilisation[name] = usedMs / capacityMs;
    }
    return { resources: this.#total, taskMs, utilisation };
  }

  figures(used: Total): Record<string, number> {
    const { resources, utilisation } = this.view(used);
    const figures: Record<string, number> = { task_seconds_total: used.taskMs / 1000 };
    for (const [resource, amount] of Object.entries(resources)) {
      const name = resource.replaceAll(/[^a-z0-9_]/g, "_");
      figures[`resources_${name}`] = amount / 1000;
      figures[`used_${name}_seconds_total`] = (used.resourceMs[resource] ?? 0) / 1e6;
      figures[`utilisation_${name}`] = utilisation[resource] ?? 0;
    }
    return figures;
  }
}
