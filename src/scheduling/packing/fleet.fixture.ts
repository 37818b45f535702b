/** Small fleets and shapes at random, for property tests. */
import fc from "fast-check";
import { parseConstraint } from "../../model/constraints.ts";
import type { PackNode } from "./fleet.ts";
import { type Shape, shapeOf } from "./shape.ts";

export const node = (name: string, cpus: number, gpus: number, rest: Partial<PackNode> = {}): PackNode => {
  const capacity = { cpus, mem: cpus * 4 };
  return { name, capacity, free: capacity, devices: Array<number>(gpus).fill(1000), attributes: {}, ...rest };
};

export const shape = (cpus: number, gpus: number, rules: readonly string[] = []): Shape => {
  const constraints = rules.map(parseConstraint).filter((constraint) => constraint !== null);
  const found = shapeOf({ cpus, mem: cpus * 2, gpus }, constraints);
  if (found === null) throw new Error(`${gpus} milli of devices is no demand`);
  return found;
};

export const anyNodes: fc.Arbitrary<PackNode[]> = fc
  .array(
    fc.record({
      cpus: fc.constantFrom(8000, 16_000, 96_000),
      gpus: fc.constantFrom(0, 1, 2, 8),
      model: fc.constantFrom("T4", "V100"),
      licences: fc.constantFrom(0, 2000),
    }),
    { minLength: 1, maxLength: 8 },
  )
  .map((drawn) =>
    drawn.map(({ cpus, gpus, model, licences }, index) => {
      const capacity = { cpus, mem: cpus * 4, licences };
      return node(`n${index}`, cpus, gpus, { capacity, free: capacity, attributes: { gpu_model: model } });
    }),
  );

export const anyShape: fc.Arbitrary<Shape> = fc
  .record({
    cpus: fc.constantFrom(500, 3152, 11_908, 32_000),
    gpus: fc.constantFrom(0, 110, 320, 470, 530, 810, 1000, 1000, 2000, 8000),
    rule: fc.constantFrom("", "", "", "gpu_model = T4"),
    licences: fc.constantFrom(0, 0, 0, 1000),
  })
  .map(({ cpus, gpus, rule, licences }) => {
    const plain = shape(cpus, gpus, rule === "" ? [] : [rule]);
    return licences === 0 ? plain : { ...plain, amounts: { ...plain.amounts, licences } };
  });
