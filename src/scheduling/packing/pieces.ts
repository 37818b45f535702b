/** What a batch places at once: a task, or shares of devices that fill one together. */
import type { Constraint } from "../../model/constraints.ts";
import { add, type Resources } from "../../model/resources.ts";
import { bundlesOf } from "./bundles.ts";
import type { Ask, Fleet } from "./fleet.ts";
import { devicesMilli, type Shape, shapeKey, WHOLE_DEVICE_MILLI } from "./shape.ts";

export interface Piece {
  ask: Ask;
  key: string;
  /** indices of tasks */
  members: readonly number[];
  usedMilli: number;
  wasteMilli: number;
}

/** Makes pieces; those of equal shapes have one ask. */
export class Pieces {
  private readonly fleet: Fleet;
  private readonly shapes: readonly Shape[];
  private readonly asks = new Map<string, Ask>();

  constructor(fleet: Fleet, shapes: readonly Shape[]) {
    this.fleet = fleet;
    this.shapes = shapes;
  }

  /** Shares that go on one device, whatever their rules. */
  bundle(members: readonly number[]): Piece {
    return this.piece(bundleShape(members.map((index) => this.shapes[index] as Shape)), members);
  }

  single(task: number): Piece {
    return this.piece(this.shapes[task] as Shape, [task]);
  }

  /** Of all these tasks: shares bundled with others under the same rules. */
  of(tasks: readonly number[]): Piece[] {
    const bundles = bundlesOf(this.shapes, tasks);
    const bundled = new Set(bundles.flatMap(({ members }) => members));
    const alone = tasks.filter((task) => !bundled.has(task)).map((task) => this.single(task));
    return [...alone, ...bundles.map(({ shape, members }) => this.piece(shape, members))];
  }

  private piece(shape: Shape, members: readonly number[]): Piece {
    const key = shapeKey(shape);
    const ask = this.asks.get(key) ?? this.fleet.ask(shape);
    this.asks.set(key, ask);
    const usedMilli = members.reduce((sum, index) => sum + devicesMilli(this.shapes[index] as Shape), 0);
    return { ask, key, members, usedMilli, wasteMilli: devicesMilli(shape) - usedMilli };
  }
}

function bundleShape(shapes: readonly Shape[]): Shape {
  const rules = new Map<string, Constraint>();
  for (const { constraints } of shapes) for (const rule of constraints) rules.set(JSON.stringify(rule), rule);
  return {
    amounts: shapes.reduce((sum: Resources, { amounts }) => add(sum, amounts), {}),
    devices: { count: 1, milli: WHOLE_DEVICE_MILLI },
    constraints: [...rules].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, rule]) => rule),
  };
}
