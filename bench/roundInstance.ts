/** The instances that `bench:round` solves: read, and disturbed by a seed. */

import type { AssignProblem } from "../src/scheduling/assign/problem.ts";
import { seeded } from "../test/support/seeded.ts";

interface Instance {
  resources: string[];
  clusters: { capacity: number[] }[];
  /** `on`: cluster, value per unit */
  classes: { demand: number[]; count: number; on: [number, number][] }[];
}

const areNumbers = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((each) => Number.isFinite(each));
const areAmounts = (value: unknown): value is number[] => areNumbers(value) && value.every((each) => each >= 0);
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

/** Looks without copying, so that the Worker's memory is what solving takes. */
function isInstance(value: unknown): value is Instance {
  if (!isObject(value)) return false;
  const { resources, clusters, classes } = value;
  if (!Array.isArray(resources) || !Array.isArray(clusters) || !Array.isArray(classes)) return false;
  return (
    clusters.every((cluster: unknown) => isObject(cluster) && areAmounts(cluster.capacity)) &&
    classes.every(
      (each: unknown) =>
        isObject(each) &&
        areAmounts(each.demand) &&
        Number.isSafeInteger(each.count) &&
        Array.isArray(each.on) &&
        each.on.every((pair: unknown) => areNumbers(pair) && pair.length === 2),
    )
  );
}

/** @throws Error if it is no instance */
export function readInstance(text: string): AssignProblem {
  const instance: unknown = JSON.parse(text);
  if (!isInstance(instance)) throw new Error("this is no instance: resources, clusters[].capacity, classes[]");
  const { resources, clusters, classes } = instance;
  return {
    resources: resources.length,
    partitions: clusters.map(({ capacity }, index) => ({ key: `p${index}`, capacity })),
    rows: [],
    classes: classes.map(({ demand, count, on }, index) => ({
      key: `c${index}`,
      demand,
      count,
      on: on.map(([partition, value]) => ({ partition, value })),
    })),
  };
}

const CAPACITY_CHANGE = 0.05;
const CLASSES_CHANGED = 0.1;

/** What a round later may look like: every capacity up to ±5 % off, one class in ten with up to half as many more or less. */
export function disturbed(problem: AssignProblem, seed: number): AssignProblem {
  const random = seeded(seed);
  const change = (): number => 2 * random() - 1;
  return {
    ...problem,
    partitions: problem.partitions.map(({ key, capacity }) => ({
      key,
      capacity: capacity.map((amount) => Math.round(amount * (1 + CAPACITY_CHANGE * change()))),
    })),
    classes: problem.classes.map((each) =>
      random() < CLASSES_CHANGED
        ? { ...each, count: Math.max(0, each.count + Math.round((change() * Math.max(2, each.count)) / 2)) }
        : each,
    ),
  };
}
