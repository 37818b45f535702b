/** The instances that `bench:round` solves: read, disturbed by a seed, and whether a solution keeps within one. */
import type { AssignProblem, Placement } from "../src/scheduling/assign/problem.ts";

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

/** Uniform in [0, 1), the same in every runtime (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
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

/** Everything that is wrong with a solution; its value is added up anew. */
export function faultsOf(problem: AssignProblem, placed: readonly Placement[], value: number, bound: number): string[] {
  const faults: string[] = [];
  const used = problem.partitions.map(() => new Array<number>(problem.resources).fill(0));
  const units = new Map<number, number>();
  let worth = 0;
  for (const { class: each, on, units: count } of placed) {
    const column = problem.classes[each]?.on[on];
    if (!column || !Number.isSafeInteger(count) || count <= 0) {
      faults.push(`${count} units of class ${each} on its option ${on}`);
      continue;
    }
    worth += count * column.value;
    units.set(each, (units.get(each) ?? 0) + count);
    problem.classes[each]?.demand.forEach((amount, r) => {
      const row = used[column.partition];
      if (row) row[r] = (row[r] ?? 0) + count * amount;
    });
  }
  for (const [each, count] of units) {
    const most = problem.classes[each]?.count ?? 0;
    if (count > most) faults.push(`class ${each} has ${most} units, ${count} are placed`);
  }
  used.forEach((row, partition) => {
    row.forEach((amount, r) => {
      const capacity = problem.partitions[partition]?.capacity[r] ?? 0;
      if (amount > capacity) faults.push(`partition ${partition} has ${capacity} of resource ${r}, ${amount} is used`);
    });
  });
  if (Math.abs(worth - value) > 1e-6 * Math.max(1, worth)) faults.push(`worth ${worth}, ${value} was told`);
  if (bound < worth) faults.push(`worth ${worth}, more than the bound ${bound}`);
  return faults;
}
