/**
 * What the core wants done and is not done yet, in order. What follows records waits until those are on disk; one write
 * takes all records that wait, because to write one early does no harm.
 */
import type { AgentEffect, JournalRecord } from "../core/types.ts";

export type Errand =
  /** must be on disk before the next errand is taken */
  { type: "write"; records: JournalRecord[] } | Exclude<AgentEffect, { type: "journal" }>;

export class Errands {
  #queue: AgentEffect[];

  constructor(effects: readonly AgentEffect[]) {
    this.#queue = [...effects];
  }

  add(effects: readonly AgentEffect[]): void {
    this.#queue.push(...effects);
  }

  /** @returns null when nothing waits */
  next(): Errand | null {
    for (let effect = this.#queue.shift(); effect; effect = this.#queue.shift()) {
      if (effect.type === "journal") {
        const records = this.#write(effect.records);
        if (records.length > 0) return { type: "write", records };
      } else if (effect.type !== "send" || !this.#queue.some(({ type }) => type === "send")) {
        // of two polls the newer one says all that the older one does
        return effect;
      }
    }
    return null;
  }

  /** `forget` is left to who uploads: a journal that does not know an attempt lets its output be swept away. */
  #write(first: readonly JournalRecord[]): JournalRecord[] {
    const records = [...first];
    for (const effect of this.#queue) if (effect.type === "journal") records.push(...effect.records);
    this.#queue = this.#queue.filter(({ type }) => type !== "journal");
    return records.filter(({ type }) => type !== "forget");
  }
}
