import { expect, test } from "vitest";
import { shape } from "./fleet.fixture.ts";
import { learn, MOST_SHAPES, nothingLearned } from "./learned.ts";
import { shapeKey, shapeOf } from "./shape.ts";

test("however many shapes come, a bounded number stays, and the frequent ones among them", () => {
  const learned = nothingLearned();
  const frequent = shape(1000, 470);
  for (let cpus = 1; cpus <= 3 * MOST_SHAPES; cpus += 1) {
    learn(learned, frequent);
    learn(learned, shape(cpus, 0));
  }
  expect(Object.keys(learned.shapes)).toHaveLength(MOST_SHAPES);
  expect(learned.shapes[shapeKey(frequent)]?.count).toBe(3 * MOST_SHAPES);
});

test("what is old counts less, and the sum stays that of the counts", () => {
  const learned = nothingLearned();
  for (let arrival = 0; arrival < 100_000; arrival += 1) learn(learned, shape(arrival < 50_000 ? 1000 : 2000, 0));
  const counts = Object.values(learned.shapes).map(({ count }) => count);
  expect(counts.reduce((sum, count) => sum + count, 0)).toBeCloseTo(learned.seen);
  expect(learned.seen).toBeLessThan(32_768);
  expect(counts[1]).toBeGreaterThan(5 * (counts[0] as number));
});

test.each([
  [0, { count: 0, milli: 0 }],
  [470, { count: 1, milli: 470 }],
  [1000, { count: 1, milli: 1000 }],
  [8000, { count: 8, milli: 1000 }],
])("%i milli of devices is a part of one or whole ones", (gpus, devices) => {
  expect(shapeOf({ cpus: 1000, gpus })).toEqual({ amounts: { cpus: 1000 }, devices, constraints: [] });
});

test("more than one device and not whole is no shape", () => {
  expect(shapeOf({ gpus: 1500 })).toBeNull();
});
