/**
 * What placing a task on a node gains or loses: fragments of the node, value of the part of a device, what is scarce. One
 * number, so that the highest is best and nearly equal ones are equal.
 */
import type { Resources } from "../../model/resources.ts";
import { deviceValues, lostValue } from "./deviceValue.ts";
import type { Ask, Fleet, Kind, PackNode } from "./fleet.ts";
import { fragmentsMilli, type TypicalSize, typicalOf } from "./fragments.ts";
import type { Learned } from "./learned.ts";
import { Mix } from "./mix.ts";
import { Scarcity } from "./scarcity.ts";
import { WHOLE_DEVICE_MILLI } from "./shape.ts";

/** What is lost of a device's value counts so much more than fragments of the node. */
const LOST_VALUE_WEIGHT = 50;
/** Gains this near to each other are equal: the first node fills up before the next is begun. */
const EQUAL_GAIN_MILLI = 40;
/** The same for nodes without devices, in sizes of the task. */
const EQUAL_LOSS = 0.04;
const TIE = 1e-5;

/** Every change of what is free goes through it. What it returns are nodes whose judgements are no longer true. */
export class Judge {
  private readonly fleet: Fleet;
  private readonly scarcity: Scarcity;
  private readonly mix: Mix;
  private typical: readonly TypicalSize[] = [];
  private values = deviceValues(new Map());
  /** by node; NaN: not known */
  private fragments: Float64Array;

  constructor(fleet: Fleet) {
    this.fleet = fleet;
    this.scarcity = new Scarcity(fleet);
    this.mix = new Mix(fleet);
    this.fragments = new Float64Array(fleet.size).fill(Number.NaN);
  }

  /** Takes in what was learned: judgements of nodes with devices change. @returns whether all others do, too */
  renew(learned: Learned): boolean {
    const shares = new Map<number, number>();
    for (const { shape, count } of Object.values(learned.shapes)) {
      const { milli } = shape.devices;
      if (milli > 0 && milli < WHOLE_DEVICE_MILLI) shares.set(milli, (shares.get(milli) ?? 0) + count);
    }
    this.values = deviceValues(shares);
    this.typical = typicalOf(this.fleet, learned);
    this.fragments.fill(Number.NaN);
    return this.mix.renew(learned);
  }

  reprice(learned: Learned): number[] {
    return this.scarcity.renew(learned);
  }

  take(node: number, ask: Ask, devices: readonly number[], times: 1 | -1): number[] {
    this.fragments[node] = Number.NaN;
    return [node, ...this.scarcity.change(node, () => this.fleet.take(node, ask, devices, times))];
  }

  /**
   * What the node has is otherwise; or it is the next one that there will be.
   * @returns null: the layout changed, and nothing that was learned is taken in any more
   */
  put(node: number, what: PackNode): number[] | null {
    if (node >= this.fragments.length) {
      const fragments = new Float64Array(2 * node + 16).fill(Number.NaN);
      fragments.set(this.fragments);
      this.fragments = fragments;
    }
    this.fragments[node] = Number.NaN;
    if (!this.fleet.knowsKindOf(what)) {
      this.scarcity.forget();
      this.mix.forget();
      this.typical = [];
      if (node < this.fleet.size) this.fleet.put(node, what);
      else this.fleet.add(what);
      return null;
    }
    if (node < this.fleet.size) return [node, ...this.scarcity.change(node, () => this.fleet.put(node, what))];
    this.fleet.add(what);
    return [node, ...this.scarcity.change(node, () => {}, true)];
  }

  set(node: number, free: Resources, devices: readonly number[]): number[] {
    this.fragments[node] = Number.NaN;
    return [node, ...this.scarcity.change(node, () => this.fleet.set(node, free, devices))];
  }

  /** -Infinity: it does not fit */
  score(ask: Ask, node: number): number {
    if (!this.fleet.fits(node, ask)) return Number.NEGATIVE_INFINITY;
    if ((this.fleet.devices[node] as number[]).length === 0) return -this.plain(node, ask);
    return this.bestDevices(ask, node).score;
  }

  /** The devices it would get on a node that it fits on. */
  devices(ask: Ask, node: number): readonly number[] {
    return ask.count === 0 ? [] : this.bestDevices(ask, node).devices;
  }

  private bestDevices(ask: Ask, node: number): { score: number; devices: readonly number[] } {
    const { fleet } = this;
    let best: { score: number; devices: readonly number[] } = { score: Number.NEGATIVE_INFINITY, devices: [] };
    const tie = ask.count === 0 ? this.idleness(node) : 0;
    const before = this.fragmentsOf(node) - this.scarcity.worthMilli(node);
    const isPart = ask.milli > 0 && ask.milli < WHOLE_DEVICE_MILLI;
    for (const devices of candidates(fleet.devices[node] as number[], ask)) {
      const free = (fleet.devices[node] as number[])[devices[0] ?? -1] ?? 0;
      const lost = isPart ? lostValue(this.values, free, ask.milli) * WHOLE_DEVICE_MILLI : 0;
      fleet.take(node, ask, devices);
      const after = fragmentsMilli(fleet, node, this.typical) - this.scarcity.worthMilli(node);
      fleet.take(node, ask, devices, -1);
      const score = Math.round((before - after - LOST_VALUE_WEIGHT * lost) / EQUAL_GAIN_MILLI) - tie;
      if (score > best.score) best = { score, devices };
    }
    return best;
  }

  private fragmentsOf(node: number): number {
    const known = this.fragments[node] as number;
    if (!Number.isNaN(known)) return known;
    const found = fragmentsMilli(this.fleet, node, this.typical);
    this.fragments[node] = found;
    return found;
  }

  /** A third to two: a task without devices goes where none is idle. */
  private idleness(node: number): number {
    const { devices } = this.fleet.kinds[this.fleet.kindOf[node] as number] as Kind;
    return (1 + this.fleet.idleMilli(node) / (devices * WHOLE_DEVICE_MILLI)) / 3;
  }

  /**
   * Less than a third, so that nodes without devices go before those that have some: where least of the mix is lost, of
   * equal ones where least is free.
   */
  private plain(node: number, ask: Ask): number {
    const lost = Math.max(0, Math.round((this.mix.lost(node, ask) ?? 0) / EQUAL_LOSS) * EQUAL_LOSS);
    return lost / (1 + lost) / 4 + (1 - this.fleet.load(node)) * TIE;
  }
}

/** Sets of devices that differ in what is free; whole devices are all the same. */
function candidates(free: readonly number[], { count, milli }: Ask): readonly (readonly number[])[] {
  if (count === 0) return [[]];
  const roomy = free.flatMap((left, device) => (left >= milli ? [device] : []));
  if (milli === WHOLE_DEVICE_MILLI) return [roomy.slice(0, count)];
  const firsts = roomy.filter((device, at) => roomy.findIndex((other) => free[other] === free[device]) === at);
  return firsts.map((device) => [device]);
}
