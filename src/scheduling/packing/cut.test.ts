import fc from "fast-check";
import { expect, test } from "vitest";
import { packBatch } from "./batch.ts";
import { packCut } from "./cut.ts";
import { anyNodes, anyShape, node, shape } from "./fleet.fixture.ts";
import { Fleet, type PackNode } from "./fleet.ts";
import type { Choice } from "./packer.ts";
import { devicesMilli, type Shape } from "./shape.ts";

const milliOf = (choices: readonly (Choice | null)[], shapes: readonly Shape[]): number =>
  shapes.reduce((sum, each, index) => sum + (choices[index] ? devicesMilli(each) : 0), 0);

/** The most device time, by every way to place each task or leave it out. */
function mostMilli(nodes: readonly PackNode[], shapes: readonly Shape[]): number {
  const fleet = new Fleet(nodes);
  const from = (index: number): number => {
    const each = shapes[index];
    if (each === undefined) return 0;
    const ask = fleet.ask(each);
    let most = from(index + 1);
    for (let at = 0; at < fleet.size; at += 1) {
      if (!fleet.fits(at, ask)) continue;
      const free = fleet.devices[at] as number[];
      const roomy = [...free.keys()].filter((device) => (free[device] as number) >= ask.milli);
      const unlike = roomy.filter((device, i) => roomy.findIndex((other) => free[other] === free[device]) === i);
      const ways = ask.count === 1 ? unlike.map((device) => [device]) : [roomy.slice(0, ask.count)];
      for (const devices of ways) {
        fleet.take(at, ask, devices);
        most = Math.max(most, devicesMilli(each) + from(index + 1));
        fleet.take(at, ask, devices, -1);
      }
    }
    return most;
  };
  return from(0);
}

const fewNodes = fc
  .array(fc.constantFrom([16_000, 1], [16_000, 2], [32_000, 2]), { minLength: 1, maxLength: 3 })
  .map((drawn) => drawn.map(([cpus = 0, gpus = 0], index) => node(`n${index}`, cpus, gpus)));
const fewShapes = fc.array(
  fc
    .tuple(fc.constantFrom(500, 4000, 12_000), fc.constantFrom(0, 230, 320, 470, 530, 810, 1000, 2000))
    .map(([cpus, gpus]) => shape(cpus, gpus)),
  { maxLength: 7 },
);

test("the bound is no less than the most that can be had", () => {
  fc.assert(
    fc.property(fewNodes, fewShapes, (nodes, shapes) => {
      expect(mostMilli(nodes, shapes)).toBeLessThanOrEqual(packCut(nodes, shapes).boundMilli);
    }),
    { numRuns: 200 },
  );
});

test("small batches come to 99 % of the most that can be had, taken together", () => {
  const batches = fc.sample(fc.tuple(fewNodes, fewShapes), { numRuns: 300, seed: 1 });
  const sum = (milli: (nodes: readonly PackNode[], shapes: readonly Shape[]) => number): number =>
    batches.reduce((all, [nodes, shapes]) => all + milli(nodes, shapes), 0);
  const had = sum((nodes, shapes) => milliOf(packBatch(nodes, shapes), shapes));
  expect(had).toBeGreaterThanOrEqual(0.99 * sum(mostMilli));
});

test("no batch is beyond its bound, whatever the rules and the nodes", () => {
  fc.assert(
    fc.property(anyNodes, fc.array(anyShape, { maxLength: 60 }), (nodes, shapes) => {
      const { choices, boundMilli } = packCut(nodes, shapes);
      expect(milliOf(choices, shapes)).toBeLessThanOrEqual(boundMilli);
    }),
    { numRuns: 100 },
  );
});

test("devices that someone has a part of are filled too", () => {
  const nodes = [node("a", 16_000, 2, { devices: [400, 1000] })];
  const shapes = [shape(1000, 1000), shape(1000, 320)];
  const { choices, boundMilli } = packCut(nodes, shapes);
  expect(choices.map((choice) => choice?.devices)).toEqual([[1], [0]]);
  expect(boundMilli).toBeGreaterThanOrEqual(1320);
});

test("where cpus are short the tasks that take many are left out", () => {
  const nodes = [node("a", 32_000, 4), node("b", 32_000, 4)];
  const shapes = [...Array(8).fill(shape(16_000, 1000)), ...Array(8).fill(shape(8000, 1000))];
  const { choices } = packCut(nodes, shapes);
  expect(choices.map((choice) => choice !== null)).toEqual(shapes.map(({ amounts }) => amounts.cpus === 8000));
});

test("nodes of a kind get heavy and light tasks alike, so that no device is left without cpus", () => {
  const nodes = Array.from({ length: 10 }, (_, index) => node(`n${index}`, 32_000, 4));
  const shapes = [...Array(20).fill(shape(13_000, 1000)), ...Array(20).fill(shape(3000, 1000))];
  expect(packCut(nodes, shapes).choices).not.toContain(null);
});

test("a task without devices takes what is left, and no device's cpus", () => {
  const nodes = [node("a", 16_000, 2)];
  const shapes = [shape(9000, 0), shape(7000, 0), shape(8000, 1000), shape(1000, 1000)];
  expect(packCut(nodes, shapes).choices.map((choice) => choice !== null)).toEqual([false, true, true, true]);
});

test("a share under a rule and one without fill a device together", () => {
  const nodes = [node("t", 16_000, 1, { attributes: { gpu_model: "T4" } }), node("v", 16_000, 1)];
  const shapes = [shape(1000, 530, ["gpu_model = T4"]), shape(1000, 470), shape(1000, 1000)];
  expect(packCut(nodes, shapes).choices.map((choice) => choice?.node)).toEqual([0, 0, 1]);
});
