/**
 * What could be offered: nodes that take something new, by partition and by what is free on them. Nodes that are alike
 * are looked at together, however many there are and however many frameworks ask.
 */
import type { PortRanges } from "../../model/framework.ts";
import { portCount } from "../../model/pieces.ts";
import { type Resources, resourcesKey } from "../../model/resources.ts";
import { NodeSet } from "./nodeSet.ts";

/** Nodes of a partition that have the same free. */
export interface Alike {
  readonly free: Resources;
  readonly nodes: NodeSet;
}

interface Entry {
  readonly number: number;
  free: Resources;
  key: string;
  homes: readonly string[];
}

/** Whole gpus and ports by number only: nothing else of those can be named to a framework. */
export function freeFor(free: Resources, wholeDevices: number, ports: PortRanges): Resources {
  const amounts: Record<string, number> = {};
  for (const name of Object.keys(free).sort()) {
    const amount = name === "gpus" ? wholeDevices * 1000 : name === "ports" ? portCount(ports) * 1000 : free[name];
    if (amount !== undefined && amount > 0) amounts[name] = amount;
  }
  return amounts;
}

export class Offerable {
  readonly #entries = new Map<string, Entry>();
  readonly #names: string[] = [];
  readonly #byPartition = new Map<string, Map<string, Alike>>();
  #version = 0;

  /** Rises with each change. */
  get version(): number {
    return this.#version;
  }

  numberOf(node: string): number {
    return this.#entryOf(node).number;
  }

  nameOf(number: number): string {
    return this.#names[number] ?? "";
  }

  freeOn(node: string): Resources {
    return this.#entries.get(node)?.free ?? {};
  }

  /** @param free nothing: it takes nothing new */
  set(node: string, free: Resources, homes: readonly string[]): void {
    const entry = this.#entryOf(node);
    const key = resourcesKey(free);
    if (key === entry.key && homes.join() === entry.homes.join()) return;
    this.#version += 1;
    if (entry.key !== "") {
      for (const home of entry.homes) {
        const classes = this.#byPartition.get(home);
        const alike = classes?.get(entry.key);
        alike?.nodes.delete(entry.number);
        if (alike?.nodes.size === 0) classes?.delete(entry.key);
      }
    }
    Object.assign(entry, { free, key, homes });
    if (key === "") return;
    for (const home of homes) {
      const classes = this.#byPartition.get(home) ?? new Map<string, Alike>();
      this.#byPartition.set(home, classes);
      const alike = classes.get(key) ?? { free, nodes: new NodeSet() };
      classes.set(key, alike);
      alike.nodes.add(entry.number);
    }
  }

  classesIn(partition: string): Alike[] {
    return [...(this.#byPartition.get(partition)?.values() ?? [])];
  }

  get partitions(): Iterable<string> {
    return this.#byPartition.keys();
  }

  #entryOf(node: string): Entry {
    const known = this.#entries.get(node);
    if (known) return known;
    const entry: Entry = { number: this.#names.length, free: {}, key: "", homes: [] };
    this.#names.push(node);
    this.#entries.set(node, entry);
    return entry;
  }
}
