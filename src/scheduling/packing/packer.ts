/**
 * Chooses the node and the devices for one task after another, so that what stays free is of use to what is likely to
 * come. Learns the shapes as they come, keeps judgements by shape and node and renews only those that may have changed.
 */
import type { Resources } from "../../model/resources.ts";
import { type Ask, Fleet, type PackNode } from "./fleet.ts";
import { Judge, type Judgement } from "./judge.ts";
import { type Learned, learn, nothingLearned } from "./learned.ts";
import { type Shape, shapeKey } from "./shape.ts";

export interface Choice {
  /** index of the node */
  node: number;
  /** indices of its devices */
  devices: readonly number[];
}

/** After how many arrivals what was learned is taken in: a part of those so far. */
const RENEW = { least: 20, part: 0.25 };
/** The same for prices of what is scarce at most, which renews few judgements. */
const REPRICE_MOST = 100;
/** Shapes whose judgements are kept. */
const MOST_ROWS = 256;

interface Row {
  ask: Ask;
  /** of the node when it was judged */
  versions: Int32Array;
  scores: Float64Array;
  devices: (readonly number[])[];
  /** by kind, of its nodes that are wholly free */
  untouched: ({ judgement: Judgement; epoch: number } | undefined)[];
}

export class Packer {
  readonly learned: Learned;
  private readonly fleet: Fleet;
  private readonly judge: Judge;
  private readonly rows = new Map<string, Row>();
  private readonly versions: Int32Array;
  /** rises when judgements of nodes that did not change may */
  private epoch = 0;
  private arrivals = 0;
  private renewAt = 0;
  private repriceAt = 0;

  /** @param nodes ties go to the first @param learned is written to as shapes come */
  constructor(nodes: readonly PackNode[], learned: Learned = nothingLearned()) {
    this.fleet = new Fleet(nodes);
    this.judge = new Judge(this.fleet);
    this.learned = learned;
    this.versions = new Int32Array(nodes.length).fill(1);
    if (learned.seen > 0) this.renew();
  }

  /** A task of the shape came, whether or not it is placed. */
  arrive(shape: Shape, key = shapeKey(shape)): void {
    learn(this.learned, shape, key);
    this.arrivals += 1;
    const pause = Math.max(RENEW.least, this.arrivals * RENEW.part);
    if (this.arrivals >= this.repriceAt) {
      this.repriceAt = this.arrivals + Math.min(REPRICE_MOST, pause);
      this.touch(this.judge.reprice(this.learned));
      this.epoch += 1;
    }
    if (this.arrivals >= this.renewAt) {
      this.renewAt = this.arrivals + pause;
      this.renew();
    }
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
    if (roomy.size !== ask.count || devices.length !== ask.count || !this.fleet.fits(node, ask)) {
      throw new RangeError(`node ${node} has no room on devices [${devices}] for ${key}`);
    }
    this.touch(this.judge.take(node, ask, devices, 1));
  }

  /** A task that was taken ended. */
  give(shape: Shape, { node, devices }: Choice, key = shapeKey(shape)): void {
    this.touch(this.judge.take(node, this.row(shape, key).ask, devices, -1));
  }

  /** What is free on the node is otherwise: it went, came back, or something else runs there. */
  set(node: number, free: Resources, devices: readonly number[]): void {
    this.touch(this.judge.set(node, free, devices));
  }

  private renew(): void {
    this.judge.renew(this.learned);
    this.judge.reprice(this.learned);
    this.touch([...this.versions.keys()]);
  }

  private touch(nodes: readonly number[]): void {
    for (const node of nodes) this.versions[node] = (this.versions[node] as number) + 1;
    if (nodes.length > 1) this.epoch += 1;
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
    const kind = this.fleet.kindOf[node] as number;
    const isUntouched = this.fleet.isUntouched(node);
    const known = isUntouched ? row.untouched[kind] : undefined;
    const judgement = known?.epoch === this.epoch ? known.judgement : this.judge.judge(row.ask, node);
    if (isUntouched) row.untouched[kind] = { judgement, epoch: this.epoch };
    row.versions[node] = this.versions[node] as number;
    row.scores[node] = judgement.score;
    row.devices[node] = judgement.devices;
  }
}
