/** Whether an assignment keeps its promises, added up anew from the problem alone. */
import type { AssignProblem, Placement } from "../../src/scheduling/assign/problem.ts";

interface Assignment {
  placed: readonly Placement[];
  value: number;
  bound: number;
}

/** Relative: sums of floats are not exact. */
const TOLERANCE = 1e-9;

/** Everything that is wrong with it, in words. */
export function faultsOf(problem: AssignProblem, { placed, value, bound }: Assignment): string[] {
  const faults: string[] = [];
  const used = new Map<string, number>();
  const units = new Map<number, number>();
  let worth = 0;
  const use = (what: string, demand: readonly number[], count: number): void => {
    demand.forEach((amount, r) => {
      used.set(`${what} ${r}`, (used.get(`${what} ${r}`) ?? 0) + count * amount);
    });
  };
  for (const { class: each, on, units: count } of placed) {
    const { demand = [], on: columns = [] } = problem.classes[each] ?? {};
    const column = columns[on];
    if (!column || !Number.isSafeInteger(count) || count <= 0) {
      faults.push(`${count} units of class ${each} on its option ${on}`);
      continue;
    }
    worth += count * column.value;
    units.set(each, (units.get(each) ?? 0) + count);
    use(`partition ${column.partition}`, demand, count);
    for (const row of column.rows ?? []) use(`row ${row}`, demand, count);
  }
  for (const [each, count] of units) {
    const most = problem.classes[each]?.count ?? 0;
    if (count > most) faults.push(`class ${each} has ${most} units, ${count} are placed`);
  }
  const within = (what: string, amounts: readonly number[]): void => {
    amounts.forEach((amount, r) => {
      const taken = used.get(`${what} ${r}`) ?? 0;
      if (taken > amount) faults.push(`${what} has ${amount} of resource ${r}, ${taken} are used`);
    });
  };
  problem.partitions.forEach(({ capacity }, index) => {
    within(`partition ${index}`, capacity);
  });
  problem.rows.forEach((row, index) => {
    within(`row ${index}`, row.bound);
  });
  const slack = TOLERANCE * Math.max(1, Math.abs(worth));
  if (Math.abs(worth - value) > slack) faults.push(`it is worth ${worth}, ${value} was told`);
  if (bound < worth - slack) faults.push(`it is worth ${worth}, more than the bound ${bound}`);
  return faults;
}
