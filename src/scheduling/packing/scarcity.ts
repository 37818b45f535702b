/**
 * What is worth keeping: places that only some can use – whole nodes of a size, slots for many devices, devices under a
 * rule – priced by how likely it is that more will be asked for than there are. What is plentiful costs nothing.
 */
import type { Ask, Fleet } from "./fleet.ts";
import type { Learned } from "./learned.ts";
import { devicesMilli, shapeKey, WHOLE_DEVICE_MILLI } from "./shape.ts";

/** How much of the devices' worth a lost slot for a shape costs, so that keeping goes before small gains. */
const SLOT_WEIGHT = 3;
/** Seen before the first arrival: a shape that came once may come again. */
const PRIOR_COUNT = 0.5;
/** So many whole nodes of a size are expected to be asked for by shapes that never came, until all is full. */
const UNSEEN_WHOLE_NODES = 8;
/** A price that moved by less than this part of its weight stays. */
const TOLERANCE = 0.03;

type Place = { of: "shape"; ask: Ask } | { of: "idle"; kinds: Uint8Array } | { of: "whole node"; kinds: Uint8Array };

interface Expected {
  place: Place;
  /** until all is full, and its standard deviation */
  demand: number;
  deviation: number;
  /** of one, when there is surely not enough, in milli of devices */
  weightMilli: number;
}

interface Scarce extends Expected {
  supply: number;
  priceMilli: number;
}

export class Scarcity {
  private readonly fleet: Fleet;
  private readonly all = new Map<string, Scarce>();
  private dear: readonly Scarce[] = [];

  constructor(fleet: Fleet) {
    this.fleet = fleet;
  }

  /** What the node still offers of what is dear now. */
  worthMilli(node: number): number {
    let worth = 0;
    for (const { place, priceMilli } of this.dear) worth += priceMilli * supplyAt(this.fleet, node, place);
    return worth;
  }

  /** Takes in what was learned. @returns nodes whose worth is another now */
  renew(learned: Learned): number[] {
    const expected = placesOf(this.fleet, learned);
    const moved: Scarce[] = [];
    for (const [key, wanted] of expected) {
      const known = this.all.get(key);
      const scarce = known
        ? Object.assign(known, wanted)
        : { ...wanted, supply: this.supply(wanted.place), priceMilli: 0 };
      this.all.set(key, scarce);
      if (reprice(scarce)) moved.push(scarce);
    }
    for (const [key, scarce] of this.all) {
      if (expected.has(key)) continue;
      this.all.delete(key);
      moved.push(scarce);
    }
    return this.after(moved);
  }

  /** Changes what is free on the node and the prices with it. @param isNew it has counted nowhere yet @returns nodes whose worth is another now */
  change(node: number, apply: () => void, isNew = false): number[] {
    const hadDevices = !isNew && this.hasDevices(node);
    if (hadDevices) for (const scarce of this.all.values()) scarce.supply -= supplyAt(this.fleet, node, scarce.place);
    apply();
    // What is scarce are devices, one way or another.
    if (!this.hasDevices(node)) return hadDevices ? this.repriceAll() : [];
    const moved: Scarce[] = [];
    for (const scarce of this.all.values()) {
      scarce.supply += supplyAt(this.fleet, node, scarce.place);
      if (reprice(scarce)) moved.push(scarce);
    }
    return this.after(moved);
  }

  /** Until it is renewed nothing is scarce. */
  forget(): void {
    this.all.clear();
    this.dear = [];
  }

  private hasDevices(node: number): boolean {
    return (this.fleet.devices[node] as number[]).length > 0;
  }

  private repriceAll(): number[] {
    return this.after([...this.all.values()].filter(reprice));
  }

  private supply(place: Place): number {
    let supply = 0;
    for (let node = 0; node < this.fleet.size; node += 1) supply += supplyAt(this.fleet, node, place);
    return supply;
  }

  private after(moved: readonly Scarce[]): number[] {
    if (moved.length === 0) return [];
    this.dear = [...this.all.values()].filter(({ priceMilli }) => priceMilli > 0);
    const touched: number[] = [];
    for (let node = 0; node < this.fleet.size; node += 1) {
      if (moved.some(({ place }) => supplyAt(this.fleet, node, place) > 0)) touched.push(node);
    }
    return touched;
  }
}

/** @returns whether the price moved by enough to count */
function reprice(scarce: Scarce): boolean {
  const priceMilli = priceOf(scarce);
  if (Math.abs(priceMilli - scarce.priceMilli) <= TOLERANCE * scarce.weightMilli) return false;
  scarce.priceMilli = priceMilli;
  return true;
}

function supplyAt(fleet: Fleet, node: number, place: Place): number {
  const kind = fleet.kindOf[node] as number;
  switch (place.of) {
    case "shape":
      return fleet.copies(node, place.ask);
    case "idle":
      return place.kinds[kind] === 1 ? fleet.idleMilli(node) / WHOLE_DEVICE_MILLI : 0;
    case "whole node":
      return place.kinds[kind] === 1 && fleet.isUntouched(node) ? 1 : 0;
  }
}

/** Chance that demand exceeds supply (normal, by the logistic approximation) times what one is worth. */
const priceOf = ({ demand, deviation, supply, weightMilli }: Scarce): number =>
  weightMilli / (1 + Math.exp((-1.702 * (demand - supply + 1)) / deviation));

interface Seen {
  ask: Ask;
  count: number;
}

function placesOf(fleet: Fleet, learned: Learned): Map<string, Expected> {
  const shapes = Object.values(learned.shapes);
  const seen = shapes
    .filter(({ shape }) => shape.devices.count > 0)
    .map(({ shape, count }): Seen => ({ ask: fleet.ask(shape), count }));
  const askedMilli = seen.reduce((sum, { ask, count }) => sum + devicesMilli(ask.shape) * count, 0);
  let idleMilli = 0;
  let wholeMilli = 0;
  for (let node = 0; node < fleet.size; node += 1) {
    idleMilli += fleet.idleMilli(node);
    wholeMilli += (fleet.devices[node] as number[]).length * WHOLE_DEVICE_MILLI;
  }
  const places = new Map<string, Expected>();
  if (askedMilli === 0 || wholeMilli === 0) return places;
  /** how many times as many as were seen will still come until all is full */
  const ahead = idleMilli / askedMilli;
  const expect = (place: Place, weightMilli: number, rivals: readonly { count: number; size: number }[]): Expected => {
    const sum = rivals.reduce((total, { count, size }) => total + count * size, PRIOR_COUNT);
    const squares = rivals.reduce((total, { count, size }) => total + count * size ** 2, PRIOR_COUNT);
    return { place, weightMilli, demand: sum * ahead, deviation: Math.sqrt(squares * ahead * (1 + ahead) + 1) };
  };
  for (const { ask } of seen) {
    if (ask.count === 1 && ask.shape.constraints.length === 0) continue;
    const rivals = seen.filter((other) => asksAsMuch(other.ask, ask)).map(({ count }) => ({ count, size: 1 }));
    places.set(shapeKey(ask.shape), expect({ of: "shape", ask }, SLOT_WEIGHT * devicesMilli(ask.shape), rivals));
  }
  const ruled = seen.filter(({ ask }) => ask.shape.constraints.length > 0);
  for (const { kinds } of ruled.map(({ ask }) => ask)) {
    const key = `idle ${kinds.join("")}`;
    if (places.has(key)) continue;
    const rivals = ruled
      .filter(({ ask }) => isWithin(ask.kinds, kinds))
      .map(({ ask, count }) => ({ count, size: devicesMilli(ask.shape) / WHOLE_DEVICE_MILLI }));
    places.set(key, expect({ of: "idle", kinds }, WHOLE_DEVICE_MILLI, rivals));
  }
  for (const [size, { devices, kinds }] of sizesOf(fleet)) {
    const demand = (UNSEEN_WHOLE_NODES * idleMilli) / wholeMilli;
    const weightMilli = SLOT_WEIGHT * devices * WHOLE_DEVICE_MILLI;
    places.set(size, { place: { of: "whole node", kinds }, demand, deviation: Math.sqrt(demand + 1), weightMilli });
  }
  return places;
}

/** Kinds by how much their nodes have, whatever their attributes; those with more than one device. */
function sizesOf(fleet: Fleet): Map<string, { devices: number; kinds: Uint8Array }> {
  const sizes = new Map<string, { devices: number; kinds: Uint8Array }>();
  fleet.kinds.forEach(({ devices, capacity }, kind) => {
    if (devices < 2) return;
    const key = `whole ${devices} ${capacity.join()}`;
    const size = sizes.get(key) ?? { devices, kinds: new Uint8Array(fleet.kinds.length) };
    size.kinds[kind] = 1;
    sizes.set(key, size);
  });
  return sizes;
}

/** Whoever serves the one has room for the other. */
const asksAsMuch = (a: Ask, b: Ask): boolean =>
  a.count >= b.count &&
  a.milli >= b.milli &&
  a.needs.every((need, dimension) => need >= (b.needs[dimension] as number)) &&
  isWithin(a.kinds, b.kinds);

const isWithin = (inner: Uint8Array, outer: Uint8Array): boolean =>
  inner.every((kind, index) => kind <= (outer[index] as number));
