import { expect, test } from "vitest";
import { seeded } from "../../../test/support/seeded.ts";
import { subtract } from "../../model/resources.ts";
import { node } from "./fleet.fixture.ts";
import type { PackNode } from "./fleet.ts";
import { Packer, packedTarget } from "./packer.ts";
import { type Shape, shapeOf } from "./shape.ts";

const plain = (name: string, cpus: number, mem: number): PackNode => {
  const capacity = { cpus, mem };
  return node(name, cpus, 0, { capacity, free: capacity });
};
const asks = (cpus: number, mem: number): Shape => shapeOf({ cpus, mem }) as Shape;

test("a task goes where what it leaves is of use: few cpus where cpus are short", () => {
  const even = plain("even", 8000, 32_000);
  const short = { ...plain("short", 8000, 32_000), free: { cpus: 1000, mem: 32_000 } };
  const packer = new Packer([even, short]);
  const memory = packedTarget(asks(500, 16_000));
  const usual = packedTarget(asks(2000, 8000));
  packer.arrive(usual.shape, usual.key, 90);
  packer.arrive(memory.shape, memory.key, 10);
  expect(packer.choose(memory)?.node).toBe(1);
  expect(packer.choose(usual)?.node).toBe(0);
});

/** Tasks come until one fits nowhere. @returns the part of all cpus that is in use then */
function filledBy(nodes: readonly PackNode[], shapes: readonly Shape[], choose: (shape: Shape) => number): number {
  const all = nodes.reduce((sum, { capacity }) => sum + (capacity.cpus ?? 0), 0);
  let used = 0;
  for (const shape of shapes) {
    if (choose(shape) < 0) break;
    used += shape.amounts.cpus ?? 0;
  }
  return used / all;
}

test("a cluster of many kinds takes a tenth more than by best fit before a task fits nowhere", () => {
  const random = seeded(7);
  const any = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T;
  const kinds: [number, number][] = [
    [8000, 32_000],
    [32_000, 128_000],
    [64_000, 128_000],
    [32_000, 512_000],
  ];
  const nodes = Array.from({ length: 60 }, (_, i) => plain(`n${i}`, ...any(kinds)));
  const kindsOfTasks = [asks(500, 1000), asks(1000, 2000), asks(2000, 8000), asks(4000, 16_000), asks(2000, 48_000)];
  const shapes = Array.from({ length: 4000 }, () => any(kindsOfTasks));
  const packer = new Packer(nodes);
  const ours = filledBy(nodes, shapes, (shape) => {
    packer.arrive(shape);
    const choice = packer.choose(packedTarget(shape));
    if (choice !== null) packer.take(shape, choice);
    return choice?.node ?? -1;
  });
  const free = nodes.map((one) => one.free);
  const bestFit = filledBy(nodes, shapes, (shape) => {
    const left = (at: number) => Object.values(subtract(free[at] ?? {}, shape.amounts));
    const roomy = [...free.keys()].filter((at) => left(at).every((amount) => amount >= 0));
    const [best = -1] = roomy.sort((a, b) => Math.min(...left(a)) - Math.min(...left(b)));
    if (best >= 0) free[best] = subtract(free[best] ?? {}, shape.amounts);
    return best;
  });
  expect(ours).toBeGreaterThan(1.1 * bestFit);
});
