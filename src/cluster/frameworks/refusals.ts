/**
 * What a role of a framework has refused (Mesos' offer filters): an offer is not made again while what it would have is
 * contained in what was refused on that node. Refusals of the same amounts that end at about the same time are one.
 */
import { fits, type Resources, resourcesKey } from "../../model/resources.ts";
import { NodeSet } from "./nodeSet.ts";

export interface Refusal {
  /** by this object's clock */
  untilMs: number;
  /** when the newest of them came */
  sinceMs: number;
  readonly refused: Resources;
  readonly nodes: NodeSet;
}

/** A round lies between a refusal and the next offer at least (Mesos' allocation interval). */
export const MIN_REFUSAL_MS = 1_000;
/** Ends are rounded up by so much of what is left, that fewer have to be kept. */
const GRAIN = 64;

export class Refusals {
  readonly #all = new Map<string, Refusal>();
  /** before this none ends */
  #nextEndAt = Number.POSITIVE_INFINITY;

  get isEmpty(): boolean {
    return this.#all.size === 0;
  }

  get all(): Iterable<Refusal> {
    return this.#all.values();
  }

  /** How many nodes are refused, in all of them. */
  get size(): number {
    let size = 0;
    for (const { nodes } of this.#all.values()) size += nodes.size;
    return size;
  }

  /** @returns when it ends */
  add(node: number, refused: Resources, forMs: number, now: number): number {
    const untilMs = endOf(now, Math.max(forMs, MIN_REFUSAL_MS));
    this.put(node, refused, untilMs, now);
    return untilMs;
  }

  /** As its row tells. */
  put(node: number, refused: Resources, untilMs: number, sinceMs = Number.NEGATIVE_INFINITY): void {
    const key = `${untilMs} ${resourcesKey(refused)}`;
    const refusal = this.#all.get(key) ?? { untilMs, sinceMs, refused, nodes: new NodeSet() };
    this.#all.set(key, refusal);
    refusal.sinceMs = Math.max(refusal.sinceMs, sinceMs);
    refusal.nodes.add(node);
    this.#nextEndAt = Math.min(this.#nextEndAt, untilMs);
  }

  /** Those that keep an offer of so much from being made. */
  covering(free: Resources): NodeSet[] {
    const sets: NodeSet[] = [];
    for (const { refused, nodes } of this.#all.values()) if (fits(free, refused)) sets.push(nodes);
    return sets;
  }

  /** @returns whether any was over */
  expire(now: number): boolean {
    if (now < this.#nextEndAt) return false;
    let isAny = false;
    this.#nextEndAt = Number.POSITIVE_INFINITY;
    for (const [key, { untilMs }] of this.#all) {
      if (untilMs <= now) isAny = this.#all.delete(key);
      else this.#nextEndAt = Math.min(this.#nextEndAt, untilMs);
    }
    return isAny;
  }

  get nextEndAt(): number | null {
    return Number.isFinite(this.#nextEndAt) ? this.#nextEndAt : null;
  }

  /** The node is another one now. @returns whether it was in any */
  forget(node: number): boolean {
    let isAny = false;
    for (const { nodes } of this.#all.values()) {
      isAny ||= nodes.has(node);
      nodes.delete(node);
    }
    return isAny;
  }

  /** It wants to see all again: what it has refused just now after the least time. */
  revive(now: number): void {
    const before = [...this.#all.values()];
    this.#all.clear();
    this.#nextEndAt = Number.POSITIVE_INFINITY;
    for (const { sinceMs, untilMs, refused, nodes } of before) {
      const leastMs = sinceMs + MIN_REFUSAL_MS;
      if (leastMs <= now || leastMs > now + MIN_REFUSAL_MS) continue;
      for (const node of nodes) this.put(node, refused, Math.min(untilMs, leastMs), sinceMs);
    }
  }
}

/** Never sooner than asked. */
function endOf(now: number, forMs: number): number {
  const grain = Math.max(1, 2 ** Math.floor(Math.log2(forMs / GRAIN)));
  return Math.ceil((now + forMs) / grain) * grain;
}
