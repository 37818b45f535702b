/**
 * What is free on every node, in arrays: counted amounts by dimension and milli of each device. Nodes that only differ
 * in what is free are of one kind; a shape's rules are asked once a kind.
 */
import { type Attributes, satisfies } from "../../model/constraints.ts";
import { type Resources, resourcesKey } from "../../model/resources.ts";
import { type Shape, WHOLE_DEVICE_MILLI } from "./shape.ts";

export interface PackNode {
  name: string;
  /** all but devices, as are the free ones */
  capacity: Resources;
  free: Resources;
  /** milli that are free of each device */
  devices: readonly number[];
  attributes: Attributes;
}

/** A shape as the fleet reads it. */
export interface Ask {
  shape: Shape;
  /** by dimension */
  needs: Float64Array;
  count: number;
  milli: number;
  /** by kind: 1 where the rules hold and the empty node has all it asks for */
  kinds: Uint8Array;
}

export interface Kind {
  attributes: Attributes;
  capacity: Float64Array;
  devices: number;
  nodes: number[];
}

export class Fleet {
  readonly size: number;
  readonly dimensions: readonly string[];
  readonly kinds: readonly Kind[];
  readonly kindOf: Int32Array;
  /** node by node, by dimension */
  readonly free: Float64Array;
  readonly devices: readonly number[][];
  private readonly asks = new WeakMap<Shape, Ask>();

  constructor(nodes: readonly PackNode[]) {
    this.size = nodes.length;
    this.dimensions = [...new Set(nodes.flatMap(({ capacity }) => Object.keys(capacity)))].sort();
    this.free = new Float64Array(nodes.flatMap(({ free }) => this.dimensions.map((name) => free[name] ?? 0)));
    this.devices = nodes.map(({ devices }) => [...devices]);
    this.kindOf = new Int32Array(nodes.length);
    const kinds = new Map<string, Kind & { index: number }>();
    nodes.forEach(({ capacity, devices, attributes }, node) => {
      const key = `${devices.length} ${resourcesKey(capacity)} ${JSON.stringify(Object.entries(attributes).sort())}`;
      const kind = kinds.get(key) ?? {
        index: kinds.size,
        attributes,
        capacity: Float64Array.from(this.dimensions, (name) => capacity[name] ?? 0),
        devices: devices.length,
        nodes: [],
      };
      kinds.set(key, kind);
      kind.nodes.push(node);
      this.kindOf[node] = kind.index;
    });
    this.kinds = [...kinds.values()];
  }

  /** The same for the same object. */
  ask(shape: Shape): Ask {
    const known = this.asks.get(shape);
    if (known) return known;
    const ask = this.read(shape);
    this.asks.set(shape, ask);
    return ask;
  }

  private read(shape: Shape): Ask {
    const { count, milli } = shape.devices;
    const known = Object.keys(shape.amounts).every(
      (name) => this.dimensions.includes(name) || (shape.amounts[name] ?? 0) <= 0,
    );
    const needs = Float64Array.from(this.dimensions, (name) => shape.amounts[name] ?? 0);
    const kinds = Uint8Array.from(this.kinds, ({ attributes, capacity, devices }) =>
      known &&
      devices >= count &&
      needs.every((need, dimension) => need <= (capacity[dimension] as number)) &&
      shape.constraints.every((constraint) => satisfies(attributes, constraint))
        ? 1
        : 0,
    );
    return { shape, needs, count, milli, kinds };
  }

  allows(node: number, ask: Ask): boolean {
    return ask.kinds[this.kindOf[node] as number] === 1;
  }

  /** How many of it the node could take now by counted amounts alone, `most` at most. */
  copiesByAmounts(node: number, { needs }: Ask, most: number): number {
    const { free } = this;
    let copies = most;
    for (let dimension = 0, at = node * needs.length; dimension < needs.length; dimension += 1, at += 1) {
      const need = needs[dimension] as number;
      if (need * copies > (free[at] as number)) copies = Math.floor((free[at] as number) / need);
    }
    return copies;
  }

  /** How many of it the node could take now; of one without devices 1 at most. */
  copies(node: number, ask: Ask): number {
    if (!this.allows(node, ask)) return 0;
    let most = 0;
    if (ask.count === 0) most = 1;
    else for (const milli of this.devices[node] as number[]) most += Math.floor(milli / ask.milli);
    return most < ask.count ? 0 : this.copiesByAmounts(node, ask, Math.floor(most / Math.max(1, ask.count)));
  }

  fits(node: number, ask: Ask): boolean {
    if (!this.allows(node, ask)) return false;
    let missing = ask.count;
    if (missing > 0) for (const milli of this.devices[node] as number[]) if (milli >= ask.milli) missing -= 1;
    return missing <= 0 && this.copiesByAmounts(node, ask, 1) === 1;
  }

  idleMilli(node: number): number {
    let idle = 0;
    for (const milli of this.devices[node] as number[]) idle += milli;
    return idle;
  }

  isUntouched(node: number): boolean {
    const { capacity } = this.kinds[this.kindOf[node] as number] as Kind;
    for (let dimension = 0, at = node * capacity.length; dimension < capacity.length; dimension += 1, at += 1) {
      if ((this.free[at] as number) < (capacity[dimension] as number)) return false;
    }
    for (const milli of this.devices[node] as number[]) if (milli < WHOLE_DEVICE_MILLI) return false;
    return true;
  }

  /** @throws RangeError when it has another number of devices */
  set(node: number, free: Resources, devices: readonly number[]): void {
    const left = this.devices[node] ?? [];
    if (left.length !== devices.length)
      throw new RangeError(`node ${node} has ${left.length} devices, not ${devices.length}`);
    this.dimensions.forEach((name, dimension) => {
      this.free[node * this.dimensions.length + dimension] = free[name] ?? 0;
    });
    left.splice(0, left.length, ...devices);
  }

  /** @param times -1 gives back */
  take(node: number, { needs, milli }: Ask, devices: readonly number[], times = 1): void {
    for (let dimension = 0, at = node * needs.length; dimension < needs.length; dimension += 1, at += 1) {
      this.free[at] = (this.free[at] as number) - (needs[dimension] as number) * times;
    }
    const left = this.devices[node] as number[];
    for (const device of devices) left[device] = (left[device] as number) - milli * times;
  }
}
