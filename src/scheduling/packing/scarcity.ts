/**
 * What is worth keeping: places that only some can use – whole nodes of a kind, slots for many devices, devices under a
 * rule – priced by how likely it is that more will be asked for than there are. What is plentiful costs nothing.
 */
import type { Ask, Fleet, Kind } from "./fleet.ts";
import type { Learned } from "./learned.ts";
import { devicesMilli, WHOLE_DEVICE_MILLI } from "./shape.ts";

/** How much of the devices' worth a lost slot for a shape costs, so that keeping goes before small gains. */
const SLOT_WEIGHT = 3;
/** Seen before the first arrival: a shape that came once may come again. */
const PRIOR_COUNT = 0.5;
/** So many whole nodes of a kind are expected to be asked for by shapes that never came, until all is full. */
const UNSEEN_WHOLE_NODES = 8;
/** A price that moved by less than this part of its weight stays. */
const TOLERANCE = 0.03;

type Place =
  | { of: "shape"; ask: Ask }
  | { of: "idle"; kinds: Uint8Array }
  | { of: "whole node"; kind: number; everyNode: Kind };

interface Scarce {
  place: Place;
  /** expected until all is full, and its standard deviation */
  demand: number;
  deviation: number;
  supply: number;
  /** of one, when there is surely not enough, in milli of devices */
  weightMilli: number;
  priceMilli: number;
}

export class Scarcity {
  private readonly fleet: Fleet;
  private readonly all: readonly Scarce[];
  private dear: readonly Scarce[];
  private readonly supplies: Float64Array;

  constructor(fleet: Fleet, learned: Learned) {
    this.fleet = fleet;
    this.all = scarcePlaces(fleet, learned);
    this.supplies = new Float64Array(this.all.length);
    this.dear = this.all.filter(({ priceMilli }) => priceMilli > 1);
  }

  /** What the node still offers of what is dear now. */
  worthMilli(node: number): number {
    let worth = 0;
    for (const { place, priceMilli } of this.dear) worth += priceMilli * supplyAt(this.fleet, node, place);
    return worth;
  }

  /** Changes what is free on the node and the prices with it. @returns nodes whose worth is another now */
  change(node: number, apply: () => void): number[] {
    this.all.forEach(({ place }, index) => {
      this.supplies[index] = supplyAt(this.fleet, node, place);
    });
    apply();
    const moved: Scarce[] = [];
    this.all.forEach((scarce, index) => {
      const change = supplyAt(this.fleet, node, scarce.place) - (this.supplies[index] as number);
      if (change === 0) return;
      scarce.supply += change;
      const priceMilli = priceOf(scarce);
      if (Math.abs(priceMilli - scarce.priceMilli) <= TOLERANCE * scarce.weightMilli) return;
      scarce.priceMilli = priceMilli;
      moved.push(scarce);
    });
    if (moved.length === 0) return [];
    this.dear = this.all.filter(({ priceMilli }) => priceMilli > 1);
    const touched: number[] = [];
    for (let other = 0; other < this.fleet.size; other += 1) {
      if (moved.some(({ place }) => supplyAt(this.fleet, other, place) > 0)) touched.push(other);
    }
    return touched;
  }
}

function supplyAt(fleet: Fleet, node: number, place: Place): number {
  const kind = fleet.kindOf[node] as number;
  switch (place.of) {
    case "shape":
      return fleet.copies(node, place.ask);
    case "idle":
      return place.kinds[kind] === 1 ? fleet.idleMilli(node) / WHOLE_DEVICE_MILLI : 0;
    case "whole node":
      return kind === place.kind && fleet.isUntouched(node) ? 1 : 0;
  }
}

/** Chance that demand exceeds supply (normal, by the logistic approximation) times what one is worth. */
const priceOf = ({ demand, deviation, supply, weightMilli }: Scarce): number =>
  weightMilli / (1 + Math.exp((-1.702 * (demand - supply + 1)) / deviation));

interface Seen {
  ask: Ask;
  count: number;
}

function scarcePlaces(fleet: Fleet, learned: Learned): Scarce[] {
  const seen = Object.values(learned.shapes)
    .map(({ shape, count }): Seen => ({ ask: fleet.ask(shape), count }))
    .filter(({ ask }) => ask.count > 0);
  const askedMilli = Object.values(learned.shapes).reduce(
    (sum, { shape, count }) => sum + devicesMilli(shape) * count,
    0,
  );
  let idleMilli = 0;
  let devices = 0;
  for (let node = 0; node < fleet.size; node += 1) {
    idleMilli += fleet.idleMilli(node);
    devices += (fleet.devices[node] as number[]).length;
  }
  if (askedMilli === 0 || devices === 0) return [];
  /** how many times as many as were seen will still come until all is full */
  const ahead = idleMilli / askedMilli;
  const free = idleMilli / (devices * WHOLE_DEVICE_MILLI);
  const scarce = (place: Place, weightMilli: number, rivals: readonly { count: number; size: number }[]): Scarce => {
    const [sum, squares] = [1, 2].map((power) =>
      rivals.reduce((total, { count, size }) => total + count * size ** power, PRIOR_COUNT),
    ) as [number, number];
    const demand = place.of === "whole node" ? UNSEEN_WHOLE_NODES * free : sum * ahead;
    const variance = place.of === "whole node" ? demand : squares * ahead * (1 + ahead);
    let supply = 0;
    for (let node = 0; node < fleet.size; node += 1) supply += supplyAt(fleet, node, place);
    const found = { place, demand, deviation: Math.sqrt(variance + 1), supply, weightMilli, priceMilli: 0 };
    return { ...found, priceMilli: priceOf(found) };
  };
  return [
    ...seen
      .filter(({ ask }) => ask.count > 1 || ask.shape.constraints.length > 0)
      .map(({ ask }) =>
        scarce(
          { of: "shape", ask },
          SLOT_WEIGHT * devicesMilli(ask.shape),
          seen.filter((other) => asksAsMuch(other.ask, ask)).map(({ count }) => ({ count, size: 1 })),
        ),
      ),
    ...ruledKinds(seen).map((kinds) =>
      scarce(
        { of: "idle", kinds },
        WHOLE_DEVICE_MILLI,
        seen
          .filter(({ ask }) => ask.shape.constraints.length > 0 && isWithin(ask.kinds, kinds))
          .map(({ ask, count }) => ({ count, size: devicesMilli(ask.shape) / WHOLE_DEVICE_MILLI })),
      ),
    ),
    ...fleet.kinds.flatMap((everyNode, kind) =>
      everyNode.devices > 1
        ? [scarce({ of: "whole node", kind, everyNode }, SLOT_WEIGHT * everyNode.devices * WHOLE_DEVICE_MILLI, [])]
        : [],
    ),
  ];
}

/** Whoever serves the one has room for the other. */
const asksAsMuch = (a: Ask, b: Ask): boolean =>
  a.count >= b.count &&
  a.milli >= b.milli &&
  a.needs.every((need, dimension) => need >= (b.needs[dimension] as number)) &&
  isWithin(a.kinds, b.kinds);

const isWithin = (inner: Uint8Array, outer: Uint8Array): boolean =>
  inner.every((kind, index) => kind <= (outer[index] as number));

/** The sets of kinds that rules leave, each once. */
const ruledKinds = (seen: readonly Seen[]): Uint8Array[] => [
  ...new Map(
    seen.filter(({ ask }) => ask.shape.constraints.length > 0).map(({ ask }) => [ask.kinds.join(""), ask.kinds]),
  ).values(),
];
