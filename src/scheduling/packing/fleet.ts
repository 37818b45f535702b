/**
 * What is free on every node, in arrays: counted amounts by dimension and milli of each device. Nodes that only differ
 * in what is free, and in attributes that no two nodes share, are of one kind; a shape's rules are asked once a kind.
 */
import { type Attributes, type Constraint, isOwn, satisfies, sharedAttributes } from "../../model/constraints.ts";
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
  readonly shape: Shape;
  /** by dimension */
  readonly needs: Float64Array;
  readonly count: number;
  readonly milli: number;
  /** by kind: 1 where the rules hold and the empty node has all it asks for */
  readonly kinds: Uint8Array;
  /** rules over attributes that no two nodes share: asked of each node */
  readonly own: readonly Constraint[];
}

/** So many kinds are kept, most of them of nodes that went or were put anew. */
const MOST_KINDS_A_NODE = 4;
const SPARE_KINDS = 64;

export interface Kind {
  attributes: Attributes;
  capacity: Float64Array;
  devices: number;
}

const kindKey = ({ devices, capacity, attributes }: PackNode): string =>
  `${devices.length} ${resourcesKey(capacity)} ${JSON.stringify(Object.entries(sharedAttributes(attributes)).sort())}`;

export class Fleet {
  size = 0;
  dimensions: readonly string[] = [];
  readonly kinds: Kind[] = [];
  kindOf = new Int32Array(16);
  /** node by node, by dimension */
  free = new Float64Array(0);
  readonly devices: number[][] = [];
  readonly attributes: Attributes[] = [];
  private readonly kindByKey = new Map<string, number>();
  /** rises when asks that were read before are no longer true: another kind of node, another resource */
  layout = 0;
  private asks = new WeakMap<Shape, Ask>();

  constructor(nodes: readonly PackNode[] = []) {
    this.widen(nodes.flatMap(({ capacity }) => Object.keys(capacity)));
    for (const node of nodes) this.add(node);
  }

  /** @returns its index */
  add(node: PackNode): number {
    const index = this.size;
    this.size += 1;
    this.grow();
    this.put(index, node);
    return index;
  }

  /** What the node has and has free is otherwise. */
  put(index: number, node: PackNode): void {
    this.widen(Object.keys(node.capacity));
    if (!this.knowsKindOf(node) && this.kinds.length >= MOST_KINDS_A_NODE * this.size + SPARE_KINDS) this.dropKinds();
    this.kindOf[index] = this.kindFor(node);
    this.attributes[index] = node.attributes;
    this.devices[index] = [...node.devices];
    this.dimensions.forEach((name, dimension) => {
      this.free[index * this.dimensions.length + dimension] = node.free[name] ?? 0;
    });
  }

  /** Whether there was a node of its kind before: then the layout stays. */
  knowsKindOf(node: PackNode): boolean {
    return this.kindByKey.has(kindKey(node));
  }

  private kindFor(node: PackNode): number {
    const key = kindKey(node);
    const known = this.kindByKey.get(key);
    if (known !== undefined) return known;
    const kind = this.kinds.length;
    const { devices, capacity, attributes } = node;
    const shared = sharedAttributes(attributes);
    const amounts = Float64Array.from(this.dimensions, (name) => capacity[name] ?? 0);
    this.kinds.push({ attributes: shared, capacity: amounts, devices: devices.length });
    this.kindByKey.set(key, kind);
    this.changeLayout();
    return kind;
  }

  /** Forgets the kinds of which there is no node: the layout is about to change anyway. */
  private dropKinds(): void {
    const used = new Set(this.kindOf.subarray(0, this.size));
    const kept = this.kinds.flatMap((_, kind) => (used.has(kind) ? [kind] : []));
    const renamed = new Map(kept.map((kind, position) => [kind, position]));
    this.kinds.splice(0, this.kinds.length, ...kept.map((kind) => this.kinds[kind] as Kind));
    for (const [key, kind] of [...this.kindByKey]) {
      const position = renamed.get(kind);
      if (position === undefined) this.kindByKey.delete(key);
      else this.kindByKey.set(key, position);
    }
    for (let node = 0; node < this.size; node += 1)
      this.kindOf[node] = renamed.get(this.kindOf[node] as number) as number;
  }

  /** New names of resources get dimensions of their own, behind those that there are. */
  private widen(names: readonly string[]): void {
    const fresh = [...new Set(names)].filter((name) => !this.dimensions.includes(name)).sort();
    if (fresh.length === 0) return;
    const before = this.dimensions.length;
    this.dimensions = [...this.dimensions, ...fresh];
    const width = this.dimensions.length;
    const free = new Float64Array(this.kindOf.length * width);
    for (let node = 0; node < this.size; node += 1)
      free.set(this.free.subarray(node * before, (node + 1) * before), node * width);
    this.free = free;
    for (const kind of this.kinds) {
      const capacity = new Float64Array(width);
      capacity.set(kind.capacity);
      kind.capacity = capacity;
    }
    this.changeLayout();
  }

  private changeLayout(): void {
    this.layout += 1;
    this.asks = new WeakMap();
  }

  private grow(): void {
    const width = this.dimensions.length;
    if (this.size <= this.kindOf.length && this.free.length === this.kindOf.length * width) return;
    const room = Math.max(this.kindOf.length, this.size > this.kindOf.length ? 2 * this.size : 0);
    const kindOf = new Int32Array(room);
    kindOf.set(this.kindOf.subarray(0, Math.min(this.size, this.kindOf.length)));
    const free = new Float64Array(room * width);
    free.set(this.free.subarray(0, Math.min(this.free.length, free.length)));
    this.kindOf = kindOf;
    this.free = free;
  }

  /** The same for the same object, as long as the layout is. */
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
    const shared = shape.constraints.filter((constraint) => !isOwn(constraint));
    const kinds = Uint8Array.from(this.kinds, ({ attributes, capacity, devices }) =>
      known &&
      devices >= count &&
      needs.every((need, dimension) => need <= (capacity[dimension] as number)) &&
      shared.every((constraint) => satisfies(attributes, constraint))
        ? 1
        : 0,
    );
    return { shape, needs, count, milli, kinds, own: shape.constraints.filter(isOwn) };
  }

  /** Whether the empty node could take it. */
  allows(node: number, { kinds, own }: Ask): boolean {
    if (kinds[this.kindOf[node] as number] !== 1) return false;
    return own.length === 0 || own.every((rule) => satisfies(this.attributes[node] as Attributes, rule));
  }

  /** How many of it the node could take now by counted amounts alone, `most` at most. */
  copiesByAmounts(node: number, { needs }: Ask, most: number): number {
    const { free } = this;
    let copies = most;
    for (let dimension = 0, at = node * needs.length; dimension < needs.length; dimension += 1, at += 1) {
      const need = needs[dimension] as number;
      if (need > 0 && need * copies > (free[at] as number))
        copies = Math.max(0, Math.floor((free[at] as number) / need));
    }
    return copies;
  }

  /** How many of it the node could take now; of one without devices 1 at most. */
  copies(node: number, ask: Ask): number {
    if (!this.allows(node, ask)) return 0;
    let most = 0;
    if (ask.count === 0) most = 1;
    else for (const milli of this.devices[node] as number[]) most += Math.floor(Math.max(0, milli) / ask.milli);
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
    return Math.max(0, idle);
  }

  /** How many of its devices nobody uses. */
  idleWhole(node: number): number {
    let idle = 0;
    for (const milli of this.devices[node] as number[]) if (milli === WHOLE_DEVICE_MILLI) idle += 1;
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

  /** The fullest amount's used part, devices being one; 0: nothing is in use. */
  load(node: number): number {
    const { capacity, devices } = this.kinds[this.kindOf[node] as number] as Kind;
    let least = devices === 0 ? 1 : this.idleMilli(node) / (devices * WHOLE_DEVICE_MILLI);
    for (let dimension = 0, at = node * capacity.length; dimension < capacity.length; dimension += 1, at += 1) {
      const amount = capacity[dimension] as number;
      if (amount > 0) least = Math.min(least, (this.free[at] as number) / amount);
    }
    return 1 - least;
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

  /** @param devices one that the node has no longer counts nowhere @param times -1 gives back */
  take(node: number, { needs, milli }: Ask, devices: readonly number[], times = 1): void {
    for (let dimension = 0, at = node * needs.length; dimension < needs.length; dimension += 1, at += 1) {
      this.free[at] = (this.free[at] as number) - (needs[dimension] as number) * times;
    }
    const left = this.devices[node] as number[];
    for (const device of devices) {
      if (device < left.length) left[device] = (left[device] as number) - milli * times;
    }
  }
}
