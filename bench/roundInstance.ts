/** The instances that `bench:round` solves: read, disturbed by a seed, and whether a solution keeps within one. */
import { z } from "zod";
import type { AssignProblem, Placement } from "../src/scheduling/assign/problem.ts";

const amounts = z.array(z.number().nonnegative());

const instanceSchema = z.object({
  resources: z.array(z.string()),
  clusters: z.array(z.object({ capacity: amounts })),
  classes: z.array(
    z.object({
      demand: amounts,
      count: z.int().nonnegative(),
      /** cluster, value per unit */
      on: z.array(z.tuple([z.int().nonnegative(), z.number()])),
    }),
  ),
});

/** How a problem of such an instance crosses to the Worker. */
export const problemSchema = z.object({
  resources: z.int(),
  partitions: z.array(z.object({ key: z.string(), capacity: amounts })),
  rows: z.array(z.object({ key: z.string(), bound: amounts })),
  classes: z.array(
    z.object({
      key: z.string(),
      demand: amounts,
      count: z.int(),
      on: z.array(z.object({ partition: z.int(), value: z.number() })),
    }),
  ),
});

export function readInstance(text: string): AssignProblem {
  const { resources, clusters, classes } = instanceSchema.parse(JSON.parse(text));
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
export function disturbed(problem: AssignProblem, random: () => number): AssignProblem {
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
