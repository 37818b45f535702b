/**
 * What one device of each kind of node may hold, as columns of a linear program: a pattern is the tasks on one device, or
 * one task on several or on none. All nodes of a kind are seen together: their whole devices and their counted amounts.
 * Worth is device time; of patterns as full the one that takes less of what its kind of node has is worth a little more.
 */
import type { Ask, Fleet, Kind } from "./fleet.ts";
import { worthiest } from "./knapsack.ts";
import type { Budget, Column, Used } from "./program.ts";
import { WHOLE_DEVICE_MILLI } from "./shape.ts";

/** Tasks of one shape. */
export interface Group {
  ask: Ask;
  /** indices of the tasks */
  tasks: readonly number[];
}

export interface Pattern extends Column {
  kind: number;
  /** indices of groups, one for each task */
  members: readonly number[];
  usedMilli: number;
}

/** That are proposed at a time, by kind. */
const MOST_DEVICES = 4;
/** Of a device, for the amounts that one device's part of the node is: far below the smallest part of a device. */
const LIGHTNESS = 1e-4;
/** The same, for a task without devices to be placed at all: such tasks take what is left. */
const PLACED = 4e-4;

export class Patterns {
  /** by kind its whole devices and its amounts, these as parts of what a device has of them in the mean */
  private readonly room: Float64Array;
  private readonly groups: readonly Group[];
  private readonly kinds: readonly Kind[];
  /** rows of a kind */
  private readonly width: number;
  /** by dimension, what one device's part is in the mean */
  private readonly mean: Float64Array;
  /** by row of a kind, how little there is of it: 1 is the mean */
  private readonly scarcity: Float64Array;
  /** what all shares are a multiple of */
  private readonly stepMilli: number;

  constructor(fleet: Fleet, groups: readonly Group[]) {
    this.groups = groups;
    this.kinds = fleet.kinds;
    this.width = 1 + fleet.dimensions.length;
    const room = roomOf(fleet, this.width);
    const sums = new Float64Array(this.width);
    room.forEach((amount, row) => {
      sums[row % this.width] = (sums[row % this.width] as number) + amount;
    });
    const devices = Math.max(1, sums[0] as number);
    this.mean = sums.subarray(1).map((sum) => (sum > 0 ? sum / devices : 1));
    this.room = room.map((amount, row) => (row % this.width === 0 ? amount : amount / this.meanOf(row)));
    this.scarcity = this.room.map((amount, row, { [row - (row % this.width)]: idle = 0 }) => idle / (amount || 1));
    this.stepMilli = groups.reduce((step, { ask }) => commonDivisor(step, ask.milli), WHOLE_DEVICE_MILLI);
  }

  /** @param part of its amounts, by kind @returns rows of the program: tasks by group, then what each kind has */
  limits(part: readonly number[]): number[] {
    const ofKinds = this.room.map((amount, row) => {
      const isDevices = row % this.width === 0;
      return isDevices ? amount : amount * (part[Math.floor(row / this.width)] as number);
    });
    return [...this.groups.map(({ tasks }) => tasks.length), ...ofKinds];
  }

  /**
   * @param limits groups that have no tasks left are passed over
   * @returns by kind the task that gains most, and a few devices of shares, none of which has a group in common
   */
  propose(prices: Float64Array, limits: readonly number[], budget: Budget): Pattern[] {
    return this.kinds.flatMap((_, kind) => {
      const gains = this.gains(kind, prices, limits);
      budget.steps -= this.groups.length * this.width;
      const single = this.bestSingle(gains, prices[this.rowOf(kind)] as number);
      const found = single === null ? [] : [[single]];
      for (let devices = 0; devices < MOST_DEVICES; devices += 1) {
        const members = this.fullest(gains, prices[this.rowOf(kind)] as number, budget);
        if (members.length === 0) break;
        for (const index of members) gains[index] = 0;
        found.push(members);
      }
      return found.map((members) => this.pattern(kind, members));
    });
  }

  /** By group, what one task is worth more than it costs, devices aside; 0: nothing, or it may not go there. */
  private gains(kind: number, prices: Float64Array, limits: readonly number[]): Float64Array {
    return Float64Array.from(this.groups, ({ ask }, index) => {
      if (limits[index] === 0 || ask.kinds[kind] !== 1) return 0;
      let gain = this.worth(kind, ask) - (prices[index] as number);
      for (let row = 1; row < this.width; row += 1)
        gain -= this.need(ask, row) * (prices[this.rowOf(kind) + row] as number);
      return Math.max(0, gain);
    });
  }

  private bestSingle(gains: Float64Array, devicePrice: number): number | null {
    let best: number | null = null;
    let most = 0;
    for (const [index, { ask }] of this.groups.entries()) {
      const gain = (gains[index] as number) - ask.count * devicePrice;
      if (isShare(ask) || gain <= most) continue;
      most = gain;
      best = index;
    }
    return best;
  }

  /** @returns groups of shares, of each size the one that gains most; none: no device of them is worth its price */
  private fullest(gains: Float64Array, devicePrice: number, budget: Budget): number[] {
    const bySize = new Map<number, number>();
    for (const [index, { ask }] of this.groups.entries()) {
      const known = bySize.get(ask.milli);
      const least = known === undefined ? 0 : (gains[known] as number);
      if (isShare(ask) && (gains[index] as number) > least) bySize.set(ask.milli, index);
    }
    const sizes = [...bySize.keys()].map((milli) => milli / this.stepMilli);
    const shares = [...bySize.values()];
    const steps = WHOLE_DEVICE_MILLI / this.stepMilli;
    budget.steps -= this.groups.length + sizes.length * steps;
    const { items, worth } = worthiest(
      sizes,
      shares.map((index) => gains[index] as number),
      steps,
    );
    return worth > devicePrice ? items.map((item) => shares[item] as number) : [];
  }

  private pattern(kind: number, members: readonly number[]): Pattern {
    const asks = members.map((index) => (this.groups[index] as Group).ask);
    const base = this.rowOf(kind);
    const uses = new Map<number, number>([[base, Math.max(...asks.map(({ count }) => count))]]);
    for (const index of members) uses.set(index, (uses.get(index) ?? 0) + 1);
    for (let row = 1; row < this.width; row += 1)
      uses.set(
        base + row,
        asks.reduce((sum, ask) => sum + this.need(ask, row), 0),
      );
    const used = [...uses].filter(([, amount]) => amount > 0);
    return {
      kind,
      members,
      rows: used.map(([row]) => row),
      amounts: used.map(([, amount]) => amount),
      worth: asks.reduce((sum, ask) => sum + this.worth(kind, ask), 0),
      usedMilli: asks.reduce((sum, { count, milli }) => sum + count * milli, 0),
    };
  }

  private worth(kind: number, ask: Ask): number {
    const placed = ask.count === 0 ? PLACED : 0;
    let worth = (ask.count * ask.milli) / WHOLE_DEVICE_MILLI;
    for (let row = 1; row < this.width; row += 1)
      worth += this.need(ask, row) * (placed - LIGHTNESS * (this.scarcity[kind * this.width + row] as number));
    return worth;
  }

  /** @param used the best that there is @returns device time that no choice exceeds: lightness never costs more than all room does */
  boundMilli(used: readonly Used<Pattern>[]): number {
    const idle = this.kinds.reduce((sum, _, kind) => sum + (this.room[kind * this.width] as number), 0);
    const devices = used.reduce((sum, { column, times }) => sum + column.worth * times, 0);
    const lightness = LIGHTNESS * idle * (this.width - 1);
    const steps = ((devices + lightness) * WHOLE_DEVICE_MILLI) / this.stepMilli;
    return Math.floor(steps) * this.stepMilli;
  }

  private meanOf(row: number): number {
    return this.mean[(row % this.width) - 1] as number;
  }

  private need(ask: Ask, row: number): number {
    return (ask.needs[row - 1] as number) / (this.mean[row - 1] as number);
  }

  private rowOf(kind: number): number {
    return this.groups.length + kind * this.width;
  }
}

const isShare = ({ count, milli }: Ask): boolean => count === 1 && milli < WHOLE_DEVICE_MILLI;

/** By kind: whole devices, and amounts. */
function roomOf(fleet: Fleet, width: number): Float64Array {
  const room = new Float64Array(fleet.kinds.length * width);
  const add = (row: number, amount: number) => {
    room[row] = (room[row] as number) + Math.max(0, amount);
  };
  for (let node = 0; node < fleet.size; node += 1) {
    const base = (fleet.kindOf[node] as number) * width;
    add(base, (fleet.devices[node] as number[]).filter((milli) => milli === WHOLE_DEVICE_MILLI).length);
    for (let row = 1; row < width; row += 1) add(base + row, fleet.free[node * (width - 1) + row - 1] as number);
  }
  return room;
}

const commonDivisor = (a: number, b: number): number => (b === 0 ? a : commonDivisor(b, a % b));
