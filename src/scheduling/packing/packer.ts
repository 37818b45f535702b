/**
 * Online packing: which node, and which of its devices, a task gets that has just come. What came before is learned from;
 * what will come is not known. Decided by value alone, so equal inputs give equal choices.
 */
import type { Resources } from "../../model/resources.ts";
import { type Ask, Fleet, type PackNode } from "./fleet.ts";
import { Judge } from "./judge.ts";
import { type Learned, learn, nothingLearned } from "./learned.ts";
import { Changes, Row } from "./row.ts";
import { type Shape, shapeKey } from "./shape.ts";

export interface Choice {
  /** index of the node */
  node: number;
  /** indices of its devices */
  devices: readonly number[];
}

/**
 * `resting`: it can be called · `soon`: it will listen by itself · `deaf`: nothing can be told to it for now · `down`:
 * nothing new goes there
 */
export type NodeState = "listening" | "resting" | "soon" | "deaf" | "down";

/** Which nodes are looked at: those that listen, or can be called as well, or will listen soon, all that are not down. */
export type Reach = "listening" | "callable" | "soon" | "up";

export const IN_REACH: Readonly<Record<Reach, readonly NodeState[]>> = {
  listening: ["listening"],
  callable: ["listening", "resting"],
  soon: ["listening", "resting", "soon"],
  up: ["listening", "resting", "soon", "deaf"],
};

/** What is to be placed, and what a node is worth to it beyond packing. */
export interface Target {
  /** equal for targets that have equal shapes, policies and biases */
  key: string;
  shape: Shape;
  policy: "pack" | "spread";
  reach: Reach;
  /** before packing has a say; the same until the node is put anew. -Infinity: not there */
  bias(node: number): number;
}

/** Nothing but packing has a say. */
export const packedTarget = (shape: Shape, key = shapeKey(shape)): Target => ({
  key,
  shape,
  policy: "pack",
  reach: "up",
  bias: () => 0,
});

/** After how many arrivals what was learned is taken in: a part of those so far. */
const RENEW = { least: 20, part: 0.25 };
/** The same for prices of what is scarce at most, which renews few judgements. */
const REPRICE_MOST = 100;
/** Rows that are kept: so many, and no more than this many scores in all. */
const MOST_ROWS = 256;
const MOST_SCORES = 2_000_000;
/** What a bias of one weighs: more than all that packing may say. */
export const BIAS = 1e7;
/** Loads that differ by less are equal: the first node is taken. */
const EQUAL_LOADS = 1e4;

const NONE = new Float32Array(0);

interface Kept {
  target: Target;
  ask: Ask;
  row: Row;
  askedAt: number;
  /** of each node that was looked at; NaN: not since it was put */
  biases: Float32Array;
  /** by kind, of its nodes that are wholly free */
  untouched: ({ score: number; epoch: number } | undefined)[];
}

export class Packer {
  readonly learned: Learned;
  private readonly fleet: Fleet;
  private readonly judge: Judge;
  private readonly rows = new Map<string, Kept>();
  private readonly changes = new Changes();
  /** those that are not named listen */
  private readonly states: NodeState[] = [];
  /** rises when judgements of nodes that did not change may */
  private epoch = 0;
  private layout = 0;
  private asked = 0;
  private renewAt = 0;
  private repriceAt = 0;

  /** @param nodes ties go to the first @param learned is written to as shapes come */
  constructor(nodes: readonly PackNode[] = [], learned: Learned = nothingLearned()) {
    this.fleet = new Fleet(nodes);
    this.judge = new Judge(this.fleet);
    this.learned = learned;
    this.layout = this.fleet.layout;
    if (learned.seen > 0) this.renew();
  }

  get size(): number {
    return this.fleet.size;
  }

  /** What the node has and has free is otherwise; or it is the next one that there will be. */
  put(node: number, what: PackNode): void {
    const touched = this.judge.put(node, what);
    for (const { biases } of this.rows.values()) biases[node] = Number.NaN;
    this.touch(touched ?? [node]);
  }

  /** Whether it takes anything, and can be told so now. */
  setState(node: number, state: NodeState): void {
    if (state === (this.states[node] ?? "listening")) return;
    this.states[node] = state;
    this.touch([node]);
  }

  stateOf(node: number): NodeState {
    return this.states[node] ?? "listening";
  }

  /** Tasks of the shape came, whether or not they are placed. */
  arrive(shape: Shape, key = shapeKey(shape), times = 1): void {
    learn(this.learned, shape, key, times);
    const { seen } = this.learned;
    const pause = Math.max(RENEW.least, seen * RENEW.part);
    // What was seen is halved at times: then it is long until the count is there again.
    const isDue = (at: number) => seen >= at || at - seen > 2 * pause;
    if (isDue(this.repriceAt)) {
      this.repriceAt = seen + Math.min(REPRICE_MOST, pause);
      this.touch(this.judge.reprice(this.learned));
      this.epoch += 1;
    }
    if (isDue(this.renewAt)) {
      this.renewAt = seen + pause;
      this.renew();
    }
  }

  /**
   * @param isExcluded what else keeps it from a node; asked of few
   * @returns null when it fits nowhere
   */
  choose(target: Target, isExcluded: ((node: number) => boolean) | null = null): Choice | null {
    const kept = this.kept(target);
    return this.choiceOn(kept.row.best(isExcluded), kept);
  }

  /** The same where other things go before. @param rank the highest wins; asked of all nodes. -Infinity: not there */
  chooseBy(target: Target, rank: (node: number) => number): Choice | null {
    const kept = this.kept(target);
    return this.choiceOn(kept.row.bestBy(rank), kept);
  }

  /** On that node; null when it does not fit there. */
  choiceAt(target: Target, node: number): Choice | null {
    return this.choiceOn(node, this.kept(target));
  }

  private choiceOn(node: number, { row, ask }: Kept): Choice | null {
    if (node < 0 || row.score(node) === Number.NEGATIVE_INFINITY) return null;
    return { node, devices: this.judge.devices(ask, node) };
  }

  /** How it would go on that node, open or not; null: it does not fit there now. */
  choiceFor(shape: Shape, node: number): Choice | null {
    return this.fits(shape, node) ? { node, devices: this.judge.devices(this.fleet.ask(shape), node) } : null;
  }

  /** Whether the node could take it now, open or not. */
  fits(shape: Shape, node: number): boolean {
    return this.fleet.fits(node, this.fleet.ask(shape));
  }

  /** Whether the node could take it were it empty. */
  allows(shape: Shape, node: number): boolean {
    return this.fleet.allows(node, this.fleet.ask(shape));
  }

  /** @throws RangeError when it does not fit there */
  take(shape: Shape, { node, devices }: Choice): void {
    const ask = this.fleet.ask(shape);
    const left = this.fleet.devices[node] ?? [];
    const roomy = new Set(devices.filter((device) => (left[device] ?? -1) >= ask.milli));
    if (roomy.size !== ask.count || devices.length !== ask.count || !this.fleet.fits(node, ask)) {
      throw new RangeError(`node ${node} has no room on devices [${devices}] for ${shapeKey(shape)}`);
    }
    this.touch(this.judge.take(node, ask, devices, 1));
  }

  /** How good the node is for it, bias included; -Infinity: it is not there. */
  scoreOf(target: Target, node: number): number {
    return this.kept(target).row.score(node);
  }

  /** Something runs there, whether or not there was room, or ended. */
  use(shape: Shape, { node, devices }: Choice, times: 1 | -1): void {
    this.touch(this.judge.take(node, this.fleet.ask(shape), devices, times));
  }

  /** A task that was taken ended. */
  give(shape: Shape, { node, devices }: Choice): void {
    this.use(shape, { node, devices }, -1);
  }

  /** What is free on the node is otherwise: something else runs there, or did. */
  set(node: number, free: Resources, devices: readonly number[]): void {
    this.touch(this.judge.set(node, free, devices));
  }

  private renew(): void {
    const isAll = this.judge.renew(this.learned);
    this.judge.reprice(this.learned);
    this.epoch += 1;
    for (let node = 0; node < this.fleet.size; node += 1)
      if (isAll || (this.fleet.devices[node] as number[]).length > 0) this.changes.add(node);
    this.changes.trim(this.fleet.size);
  }

  private touch(nodes: readonly number[]): void {
    for (const node of nodes) this.changes.add(node);
    if (nodes.length > 1) this.epoch += 1;
    this.changes.trim(this.fleet.size);
  }

  private kept(target: Target): Kept {
    if (this.layout !== this.fleet.layout) {
      this.layout = this.fleet.layout;
      this.rows.clear();
      if (this.learned.seen > 0) this.renew();
    }
    const known = this.rows.get(target.key);
    const kept = known ?? {
      target,
      ask: this.fleet.ask(target.shape),
      row: new Row(),
      askedAt: 0,
      biases: NONE,
      untouched: [],
    };
    this.asked += 1;
    kept.askedAt = this.asked;
    if (!known) this.keep(kept);
    if (kept.biases.length < this.fleet.size) {
      const biases = new Float32Array(this.fleet.size + 64).fill(Number.NaN);
      biases.set(kept.biases);
      kept.biases = biases;
    }
    kept.row.renew(this.fleet.size, this.changes, (node) => this.score(kept, node));
    return kept;
  }

  /** The one that was asked last is the last to go. */
  private keep(kept: Kept): void {
    const most = Math.max(16, Math.min(MOST_ROWS, Math.floor(MOST_SCORES / Math.max(1, this.fleet.size))));
    if (this.rows.size >= most) {
      let oldest = kept;
      for (const one of this.rows.values()) if (one.askedAt < oldest.askedAt) oldest = one;
      this.rows.delete(oldest.target.key);
    }
    this.rows.set(kept.target.key, kept);
  }

  private score(kept: Kept, node: number): number {
    if (!IN_REACH[kept.target.reach].includes(this.stateOf(node))) return Number.NEGATIVE_INFINITY;
    if (!this.fleet.allows(node, kept.ask)) return Number.NEGATIVE_INFINITY;
    let bias = kept.biases[node] as number;
    if (Number.isNaN(bias)) {
      bias = kept.target.bias(node);
      kept.biases[node] = bias;
    }
    if (bias === Number.NEGATIVE_INFINITY) return bias;
    return bias * BIAS + this.packed(kept, node);
  }

  private packed({ target, ask, untouched }: Kept, node: number): number {
    if (target.policy === "spread")
      return this.fleet.fits(node, ask) ? -Math.round(this.fleet.load(node) * EQUAL_LOADS) : Number.NEGATIVE_INFINITY;
    if (!this.fleet.isUntouched(node)) return this.judge.score(ask, node);
    const kind = this.fleet.kindOf[node] as number;
    const known = untouched[kind];
    if (known?.epoch === this.epoch) return known.score;
    const score = this.judge.score(ask, node);
    untouched[kind] = { score, epoch: this.epoch };
    return score;
  }
}
