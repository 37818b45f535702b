/**
 * Chooses the node and the devices for one task after another, so that what stays free is of use to what is likely to
 * come. Learns the shapes as they come, keeps scores by shape and node and renews only those of nodes that changed.
 */

import type { Resources } from "../../model/resources.ts";
import { deviceValues, lostValue } from "./deviceValue.ts";
import { type Ask, Fleet, type Kind, type PackNode } from "./fleet.ts";
import { fragmentsMilli, type TypicalSize, typicalOf } from "./fragments.ts";
import { type Learned, learn, nothingLearned } from "./learned.ts";
import { Scarcity } from "./scarcity.ts";
import { type Shape, shapeKey, WHOLE_DEVICE_MILLI } from "./shape.ts";

export interface Choice {
  /** index of the node */
  node: number;
  /** indices of its devices */
  devices: readonly number[];
}

/** What is lost of a device's value counts so much more than fragments of the node. */
const LOST_VALUE_WEIGHT = 50;
/** Gains this near to each other are equal: the first node fills up before the next is begun. */
const EQUAL_GAIN_MILLI = 40;
/** After how many arrivals what was learned is taken in; at most, and as part of what was seen. */
const RENEW = { least: 20, part: 0.25 };
/** The same for prices of what is scarce, which renews few scores. */
const REPRICE_EVERY = 100;
/** Rows of scores that are kept. */
const MOST_ROWS = 256;

interface Row {
  ask: Ask;
  /** of the node when it was scored */
  versions: Int32Array;
  scores: Float64Array;
  devices: (readonly number[])[];
  /** by kind, of its nodes that are wholly free */
  untouched: (Scored | undefined)[];
}

interface Scored {
  score: number;
  devices: readonly number[];
  epoch: number;
}

export class Packer {
  readonly learned: Learned;
  private readonly fleet: Fleet;
  private readonly versions: Int32Array;
  private readonly rows = new Map<string, Row>();
  private readonly fragments: { versions: Int32Array; milli: Float64Array };
  private typical: readonly TypicalSize[] = [];
  private values = deviceValues(new Map());
  private readonly scarcity: Scarcity;
  private arrivals = 0;
  private renewAt = 0;
  private repriceAt = 0;
  /** rises when scores of nodes that did not change may */
  private epoch = 0;

  /** @param nodes ties go to the first @param learned is written to as shapes come */
  constructor(nodes: readonly PackNode[], learned: Learned = nothingLearned()) {
    this.fleet = new Fleet(nodes);
    this.learned = learned;
    this.versions = new Int32Array(nodes.length).fill(1);
    this.fragments = { versions: new Int32Array(nodes.length), milli: new Float64Array(nodes.length) };
    this.scarcity = new Scarcity(this.fleet);
    if (learned.seen > 0) {
      this.renew();
      this.reprice();
    }
  }

  /** A task of the shape came, whether or not it is placed. */
  arrive(shape: Shape, key = shapeKey(shape)): void {
    learn(this.learned, shape, key);
    this.arrivals += 1;
    if (this.arrivals >= this.renewAt) this.renew();
    if (this.arrivals >= this.repriceAt) this.reprice();
  }

  /** @param allowed what rules beyond attributes say of a node (role, driver, partition) @returns null when it fits nowhere */
  choose(shape: Shape, key = shapeKey(shape), allowed: (node: number) => boolean = () => true): Choice | null {
    const row = this.row(shape, key);
    const { versions, scores } = row;
    let best = -1;
    let bestScore = Number.NEGATIVE_INFINITY;
    for (let node = 0; node < versions.length; node += 1) {
      if (versions[node] !== this.versions[node]) this.score(row, node);
      if ((scores[node] as number) <= bestScore || !allowed(node)) continue;
      best = node;
      bestScore = scores[node] as number;
    }
    return best < 0 ? null : { node: best, devices: row.devices[best] as readonly number[] };
  }

  /** @throws RangeError when it does not fit there */
  take(shape: Shape, { node, devices }: Choice, key = shapeKey(shape)): void {
    const { ask } = this.row(shape, key);
    const left = this.fleet.devices[node] ?? [];
    const roomy = new Set(devices.filter((device) => (left[device] ?? -1) >= ask.milli));
    if (
      node >= this.fleet.size ||
      roomy.size !== ask.count ||
      devices.length !== ask.count ||
      !this.fleet.fits(node, ask)
    ) {
      throw new RangeError(`node ${node} has no room on devices [${devices}] for ${key}`);
    }
    this.change(node, ask, devices, 1);
  }

  /** A task that was taken ended. */
  give(shape: Shape, { node, devices }: Choice, key = shapeKey(shape)): void {
    this.change(node, this.row(shape, key).ask, devices, -1);
  }

  /** What is free on the node is otherwise: it went, came back, or something else runs there. */
  set(node: number, free: Resources, devices: readonly number[]): void {
    this.touch([node, ...this.scarcity.change(node, () => this.fleet.set(node, free, devices))]);
  }

  /** How many milli of devices are idle. */
  idleMilli(): number {
    let idle = 0;
    for (let node = 0; node < this.fleet.size; node += 1) idle += this.fleet.idleMilli(node);
    return idle;
  }

  private change(node: number, ask: Ask, devices: readonly number[], times: number): void {
    this.touch(this.scarcity.change(node, () => this.fleet.take(node, ask, devices, times)));
    this.versions[node] = (this.versions[node] as number) + 1;
  }

  private touch(nodes: readonly number[]): void {
    for (const node of nodes) this.versions[node] = (this.versions[node] as number) + 1;
    if (nodes.length > 0) this.epoch += 1;
  }

  private reprice(): void {
    this.repriceAt = this.arrivals + Math.min(REPRICE_EVERY, Math.max(RENEW.least, this.arrivals * RENEW.part));
    this.touch(this.scarcity.renew(this.learned));
  }

  private renew(): void {
    this.renewAt = this.arrivals + Math.max(RENEW.least, this.arrivals * RENEW.part);
    const shares = new Map<number, number>();
    for (const { shape, count } of Object.values(this.learned.shapes)) {
      const { milli } = shape.devices;
      if (milli > 0 && milli < WHOLE_DEVICE_MILLI) shares.set(milli, (shares.get(milli) ?? 0) + count);
    }
    this.values = deviceValues(shares);
    this.typical = typicalOf(this.fleet, this.learned);
    this.touch([...this.versions.keys()]);
  }

  private row(shape: Shape, key: string): Row {
    const known = this.rows.get(key);
    if (known) return known;
    const oldest = this.rows.size >= MOST_ROWS ? this.rows.keys().next().value : undefined;
    if (oldest !== undefined) this.rows.delete(oldest);
    const row: Row = {
      ask: this.fleet.ask(shape),
      versions: new Int32Array(this.fleet.size),
      scores: new Float64Array(this.fleet.size),
      devices: Array<readonly number[]>(this.fleet.size).fill([]),
      untouched: [],
    };
    this.rows.set(key, row);
    return row;
  }

  private score(row: Row, node: number): void {
    row.versions[node] = this.versions[node] as number;
    const kind = this.fleet.kindOf[node] as number;
    const untouched = this.fleet.isUntouched(node);
    const known = untouched ? row.untouched[kind] : undefined;
    const found = known?.epoch === this.epoch ? known : this.scored(row.ask, node);
    if (untouched) row.untouched[kind] = found;
    row.scores[node] = found.score;
    row.devices[node] = found.devices;
  }

  private scored(ask: Ask, node: number): Scored {
    const { fleet } = this;
    let best: Scored = { score: Number.NEGATIVE_INFINITY, devices: [], epoch: this.epoch };
    if (!fleet.fits(node, ask)) return best;
    const before = this.fragmentsNow(node) - this.scarcity.worthMilli(node);
    const isPart = ask.milli > 0 && ask.milli < WHOLE_DEVICE_MILLI;
    const tie = ask.count === 0 ? this.emptiness(node) : 0;
    for (const devices of candidates(fleet.devices[node] as number[], ask)) {
      const free = (fleet.devices[node] as number[])[devices[0] ?? -1] ?? 0;
      const lost = isPart ? lostValue(this.values, free, ask.milli) * WHOLE_DEVICE_MILLI : 0;
      fleet.take(node, ask, devices);
      const after = fragmentsMilli(fleet, node, this.typical) - this.scarcity.worthMilli(node);
      fleet.take(node, ask, devices, -1);
      const score = Math.round((before - after - LOST_VALUE_WEIGHT * lost) / EQUAL_GAIN_MILLI) - tie;
      if (score > best.score) best = { score, devices, epoch: this.epoch };
    }
    return best;
  }

  /** Less than one: a task without devices goes where none is idle and, of such nodes, where least is free. */
  private emptiness(node: number): number {
    const { devices, capacity } = this.fleet.kinds[this.fleet.kindOf[node] as number] as Kind;
    if (devices > 0) return (1 + this.fleet.idleMilli(node) / (devices * WHOLE_DEVICE_MILLI)) / 3;
    let least = 1;
    capacity.forEach((amount, dimension) => {
      if (amount > 0) least = Math.min(least, (this.fleet.free[node * capacity.length + dimension] as number) / amount);
    });
    return least / 4;
  }

  private fragmentsNow(node: number): number {
    const { versions, milli } = this.fragments;
    if (versions[node] !== this.versions[node]) {
      milli[node] = fragmentsMilli(this.fleet, node, this.typical);
      versions[node] = this.versions[node] as number;
    }
    return milli[node] as number;
  }
}

/** Sets of devices that differ in what is free; whole devices are all the same. */
function candidates(free: readonly number[], { count, milli }: Ask): readonly (readonly number[])[] {
  if (count === 0) return [[]];
  const roomy = free.flatMap((left, device) => (left >= milli ? [device] : []));
  if (milli === WHOLE_DEVICE_MILLI) return [roomy.slice(0, count)];
  return roomy.filter((device, at) => roomy.findIndex((other) => free[other] === free[device]) === at).map((d) => [d]);
}
