import fc from "fast-check";
import { expect, test } from "vitest";
import { deviceValues, lostValue } from "./deviceValue.ts";

test("of shares that fill a device in pairs each is worth its part, whatever their sizes", () => {
  const values = deviceValues(new Map([[470, 100], [530, 100]])); // biome-ignore format: a pair a line says less
  expect((values[470] as number) + (values[530] as number)).toBeCloseTo(1);
  expect(lostValue(values, 530, 530)).toBeCloseTo(0);
});

test("what there is too much of is worth nothing: 0.19 that 0.81 leaves over, when few can use it", () => {
  const values = deviceValues(new Map([[810, 100], [160, 10]])); // biome-ignore format: a pair a line says less
  expect(values[190]).toBeCloseTo(0);
  expect(values[810]).toBeCloseTo(1);
});

test("a small share does not go where a large one would: its loss is the better use", () => {
  const values = deviceValues(new Map([[470, 700], [320, 330], [650, 250], [810, 1000]])); // biome-ignore format: a pair a line says less
  expect(lostValue(values, 530, 320)).toBeGreaterThan(0.1);
  expect(lostValue(values, 350, 320)).toBeCloseTo(0);
  expect(lostValue(values, 530, 470)).toBeCloseTo(0);
});

test("prices are a dual: no way to cut a device is worth more than the device, and value never falls with size", () => {
  const counts = fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 999 }), fc.integer({ min: 1, max: 1000 })), {
    selector: ([milli]) => milli,
    maxLength: 12,
  });
  fc.assert(
    fc.property(counts, (drawn) => {
      const values = deviceValues(new Map(drawn));
      expect(values[1000]).toBe(1);
      for (let milli = 1; milli <= 1000; milli += 1) {
        expect(values[milli]).toBeGreaterThanOrEqual((values[milli - 1] as number) - 1e-6);
        expect((values[milli] as number) + (values[1000 - milli] as number)).toBeLessThanOrEqual(1 + 1e-6);
      }
    }),
    { numRuns: 60 },
  );
});
