import fc from "fast-check";
import { expect, test } from "vitest";
import { satisfies } from "../../model/constraints.ts";
import { packBatch } from "./batch.ts";
import { bundlesOf } from "./bundles.ts";
import { anyNodes, anyShape, node, shape } from "./fleet.fixture.ts";
import type { PackNode } from "./fleet.ts";
import { ORDERS, packOrdered } from "./ordered.ts";
import type { Choice } from "./packer.ts";
import { devicesMilli, type Shape } from "./shape.ts";

test("nothing over capacity and no rule broken, whatever the batch", () => {
  fc.assert(
    fc.property(anyNodes, fc.array(anyShape, { maxLength: 60 }), (nodes, shapes) => {
      const free = nodes.map((each) => ({
        amounts: { ...each.free } as Record<string, number>,
        devices: [...each.devices],
      }));
      const choices = packBatch(nodes, shapes);
      expect(choices).toHaveLength(shapes.length);
      choices.forEach((choice, index) => {
        if (choice === null) return;
        const { amounts, devices, constraints } = shapes[index] as Shape;
        const at = free[choice.node] as (typeof free)[number];
        expect(new Set(choice.devices).size).toBe(devices.count);
        const { attributes } = nodes[choice.node] as PackNode;
        expect(constraints.every((constraint) => satisfies(attributes, constraint))).toBe(true);
        for (const [name, milli] of Object.entries(amounts)) at.amounts[name] = (at.amounts[name] ?? 0) - milli;
        for (const device of choice.devices) at.devices[device] = (at.devices[device] as number) - devices.milli;
        expect(Math.min(...Object.values(at.amounts), ...at.devices)).toBeGreaterThanOrEqual(0);
      });
    }),
    { numRuns: 100 },
  );
});

test("no order places more", () => {
  fc.assert(
    fc.property(anyNodes, fc.array(anyShape, { maxLength: 60 }), (nodes, shapes) => {
      const milliOf = (choices: readonly (Choice | null)[]): number =>
        shapes.reduce((sum, each, index) => sum + (choices[index] ? devicesMilli(each) : 0), 0);
      const most = Math.max(...ORDERS.map((order) => milliOf(packOrdered(nodes, shapes, order))));
      expect(milliOf(packBatch(nodes, shapes))).toBeGreaterThanOrEqual(most);
    }),
    { numRuns: 100 },
  );
});

test("what can't be had in full is left out: pairs that fill a device go before larger shares that do not", () => {
  const shapes = [
    ...Array(4).fill(shape(100, 810)),
    ...Array(4).fill(shape(100, 470)),
    ...Array(4).fill(shape(100, 530)),
  ];
  const choices = packBatch([node("a", 96_000, 4)], shapes);
  expect(choices.map((choice) => choice !== null)).toEqual(shapes.map(({ devices }: Shape) => devices.milli !== 810));
});

test("a device that is free but has no cpus left is won by a swap with a lighter task elsewhere", () => {
  const nodes = [node("tight", 16_000, 2), node("roomy", 64_000, 2)];
  const shapes = [shape(15_000, 1000), shape(2000, 1000), shape(15_000, 1000), shape(2000, 1000)];
  expect(packBatch(nodes, shapes).every((choice) => choice !== null)).toBe(true);
});

test("bundles hold every share once, never more than a device, and only under the same rules", () => {
  fc.assert(
    fc.property(fc.array(anyShape, { maxLength: 80 }), (shapes) => {
      const bundles = bundlesOf(shapes);
      const shares = [...shapes.keys()].filter((index) => (shapes[index]?.devices.milli ?? 0) % 1000 > 0);
      expect(bundles.flatMap(({ members }) => members).sort((a, b) => a - b)).toEqual(shares);
      for (const { members, wasteMilli } of bundles) {
        const used = members.reduce((sum, index) => sum + (shapes[index] as Shape).devices.milli, 0);
        expect(used + wasteMilli).toBe(1000);
        expect(wasteMilli).toBeGreaterThanOrEqual(0);
        expect(new Set(members.map((index) => JSON.stringify(shapes[index]?.constraints))).size).toBe(1);
      }
    }),
    { numRuns: 100 },
  );
});
