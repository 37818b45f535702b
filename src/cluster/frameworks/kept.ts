/** What of nodes is kept for frameworks, for whatever reason: told to the placer, so that nobody else is given it. */
import type { PortRanges } from "../../model/framework.ts";
import { add, type Resources } from "../../model/resources.ts";
import { type Asked, askedOf } from "../../scheduling/place/asked.ts";
import type { Placer } from "../../scheduling/place/placer.ts";

export interface KeptPart {
  readonly partition: string;
  readonly asked: Asked;
  /** of the node's gpus, by number; null: not known, and so perhaps any of them */
  readonly devices: readonly number[] | null;
  readonly ports: readonly number[];
  /** more of them; absent: none */
  readonly portRanges?: PortRanges;
}

export class Kept {
  readonly #placer: Placer;
  readonly #touch: (node: string) => void;
  /** by node, by whoever has it */
  readonly #parts = new Map<string, Map<unknown, KeptPart>>();

  /** @param touch is told of each node that is otherwise */
  constructor(placer: Placer, touch: (node: string) => void) {
    this.#placer = placer;
    this.#touch = touch;
  }

  /** @param key of whoever has it */
  keep(node: string, key: unknown, part: KeptPart): void {
    const there = this.#parts.get(node) ?? new Map<unknown, KeptPart>();
    this.#parts.set(node, there.set(key, part));
    const { asked, devices, ports, portRanges = [] } = part;
    this.#placer.add(asked, { node, devices, ports, portRanges });
    this.#touch(node);
  }

  letGo(node: string, key: unknown): void {
    const there = this.#parts.get(node);
    const part = there?.get(key);
    if (!there || !part) return;
    there.delete(key);
    if (there.size === 0) this.#parts.delete(node);
    const { asked, devices, ports, portRanges = [] } = part;
    this.#placer.remove(asked, { node, devices, ports, portRanges });
    this.#touch(node);
  }

  /** By partition. */
  on(node: string): ReadonlyMap<string, Resources> {
    const amounts = new Map<string, Resources>();
    for (const { partition, asked } of this.#parts.get(node)?.values() ?? [])
      amounts.set(partition, add(amounts.get(partition) ?? {}, asked.demand));
    return amounts;
  }
}

/** What is kept asks nothing of a node. */
export const askedFor = (resources: Resources): Asked =>
  askedOf("", {
    name: "",
    resources,
    constraints: [],
    preferences: [],
    apart: [],
    spread: [],
    ports: [],
    role: "",
    driver: "process",
  });
