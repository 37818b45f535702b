/** R, T and U of a league: what there is, how long tasks ran in all, and what part of what there was they used. */
import { add, type Resources } from "../model/resources.ts";
import type { RoundView } from "../model/views.ts";
import type { Ledger } from "./ledger.ts";

/** A clock that jumped, or an object that slept, counts at most so much. */
const MAX_ELAPSED_MS = 3_600_000;

/** T is since there is a ledger, U since the object was built. */
export class Gauges {
  readonly #ledger: Ledger;
  /** milli-unit · ms that there were */
  #capacityMs: Resources = {};
  #total: Resources;
  #at: number;

  constructor(ledger: Ledger, total: Resources, now: number) {
    this.#ledger = ledger;
    this.#total = total;
    this.#at = now;
  }

  /** @param total what there is from now on */
  pass(total: Resources, now: number): void {
    const elapsedMs = Math.max(0, Math.min(now - this.#at, MAX_ELAPSED_MS));
    this.#capacityMs = add(this.#capacityMs, this.#total, elapsedMs);
    this.#total = total;
    this.#at = now;
  }

  view(): Pick<RoundView, "resources" | "taskMs" | "utilisation"> {
    const used = this.#ledger.sinceHeard().resourceMs;
    const utilisation: Record<string, number> = {};
    for (const [name, capacityMs] of Object.entries(this.#capacityMs))
      if (capacityMs > 0) utilisation[name] = (used[name] ?? 0) / capacityMs;
    return { resources: this.#total, taskMs: this.#ledger.total().taskMs, utilisation };
  }

  figures(): Record<string, number> {
    const { resources, utilisation, taskMs } = this.view();
    const used = this.#ledger.total().resourceMs;
    const figures: Record<string, number> = { task_seconds_total: taskMs / 1000 };
    for (const [resource, amount] of Object.entries(resources)) {
      const name = resource.replaceAll(/[^a-z0-9_]/g, "_");
      figures[`resources_${name}`] = amount / 1000;
      figures[`used_${name}_seconds_total`] = (used[resource] ?? 0) / 1e6;
      figures[`utilisation_${name}`] = utilisation[resource] ?? 0;
    }
    return figures;
  }
}
