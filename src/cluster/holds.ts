/**
 * Room that is kept on nodes for what cannot start yet: the placer gives it to nobody else, and the accounts have it as
 * reserved. Lost with the memory: that only delays.
 */
import { add, type Resources } from "../model/resources.ts";
import type { Asked } from "../scheduling/place/asked.ts";
import type { Place } from "../scheduling/place/occupancy.ts";
import type { Placer } from "../scheduling/place/placer.ts";

export interface Hold {
  readonly asked: Asked;
  readonly partition: string;
  readonly places: Place[];
}

export class Holds {
  readonly #placer: Placer;
  readonly #changed: (node: string) => void;
  readonly #byKey = new Map<string, Hold>();
  /** places by node */
  readonly #onNode = new Map<string, number>();

  /** @param changed told of each node where more or less is kept */
  constructor(placer: Placer, changed: (node: string) => void) {
    this.#placer = placer;
    this.#changed = changed;
  }

  get(key: string): Hold | undefined {
    return this.#byKey.get(key);
  }

  /** More room under a key; all under one key is of one partition, for tasks that ask for the same. */
  keep(key: string, asked: Asked, partition: string, places: readonly Place[]): Hold {
    const hold = this.#byKey.get(key) ?? { asked, partition, places: [] };
    this.#byKey.set(key, hold);
    for (const place of places) {
      this.#placer.add(asked, place);
      this.#onNode.set(place.node, (this.#onNode.get(place.node) ?? 0) + 1);
      hold.places.push(place);
      this.#changed(place.node);
    }
    return hold;
  }

  /** @param most so many places stay */
  release(key: string, most = 0): void {
    const hold = this.#byKey.get(key);
    if (!hold) return;
    for (const place of hold.places.splice(most)) {
      this.#placer.remove(hold.asked, place);
      this.#changed(place.node);
      const left = (this.#onNode.get(place.node) ?? 0) - 1;
      if (left > 0) this.#onNode.set(place.node, left);
      else this.#onNode.delete(place.node);
    }
    if (most === 0) this.#byKey.delete(key);
  }

  /** Places. */
  get size(): number {
    let places = 0;
    for (const there of this.#onNode.values()) places += there;
    return places;
  }

  isOn(node: string): boolean {
    return this.#onNode.has(node);
  }

  /** The node is otherwise: whoever has a place there looks for its places anew. */
  releaseOn(node: string): void {
    if (!this.isOn(node)) return;
    for (const [key, { places }] of this.#byKey) if (places.some((place) => place.node === node)) this.release(key);
  }

  *[Symbol.iterator](): Iterator<[key: string, hold: Hold]> {
    yield* this.#byKey;
  }

  /** By partition. */
  amountsOn(name: string): ReadonlyMap<string, Resources> {
    const there = new Map<string, Resources>();
    if (!this.isOn(name)) return there;
    for (const { asked, partition, places } of this.#byKey.values())
      for (const { node } of places)
        if (node === name) there.set(partition, add(there.get(partition) ?? {}, asked.demand));
    return there;
  }
}
