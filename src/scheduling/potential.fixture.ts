/**
 * What every reclaim makes smaller, said anew from a league and without the round's arithmetic. Two such are compared
 * place by place, the first that differs decides:
 * 1. what is missing of promises, those of the deepest roles first, and of each depth measured with the tasks of the
 *    highest priority alone, then with those of the next too, and so on;
 * 2. what does not run, by priority, the highest first.
 */
import { isWithin, lineage } from "../model/role.ts";
import type { Count } from "./bounds.fixture.ts";
import type { RoundInput } from "./input.ts";
import { keyOf } from "./slots.ts";

const RESOURCES = ["cpus", "mem"];

/** What is missing of what a role was promised, with nothing but tasks of at least that priority; by what it is. */
export function missingOf(input: RoundInput, count: Count, role: string, least = 0): Map<string, number> {
  const missing = new Map<string, number>();
  const use = (r: string, where: (owner: string | null, key: string) => boolean): number => {
    let used = 0;
    for (const job of input.jobs) {
      if (job.priority < least || !isWithin(job.role, role)) continue;
      for (const one of input.partitions)
        if (where(one.owner, keyOf(one))) used += count(job, one) * (job.demand[r] ?? 0);
    }
    return used;
  };
  const owns = (owner: string | null) => owner !== null && isWithin(owner, role);
  for (const r of RESOURCES) {
    for (const one of input.partitions) {
      if (!owns(one.owner)) continue;
      const key = keyOf(one);
      missing.set(`${r} of ${key}`, Math.max(0, (one.usable[r] ?? 0) - use(r, (_, other) => other === key)));
    }
    const guaranteed = [...input.roles].reduce(
      (sum, [name, { guarantee }]) => sum + (isWithin(name, role) ? (guarantee[r] ?? 0) : 0),
      0,
    );
    missing.set(`${r} guaranteed`, Math.max(0, guaranteed - use(r, (owner) => !owns(owner))));
  }
  return missing;
}

export const rolesOf = (input: RoundInput): string[] => [
  ...new Set(
    [
      ...input.roles.keys(),
      ...input.partitions.flatMap(({ owner }) => owner ?? []),
      ...input.jobs.map(({ role }) => role),
    ].flatMap(lineage),
  ),
];

export function potentialOf(input: RoundInput, count: Count): number[] {
  const roles = rolesOf(input);
  const priorities = [...new Set(input.jobs.map(({ priority }) => priority))].sort((a, b) => b - a);
  const depths = [...new Set(roles.map((role) => lineage(role).length))].sort((a, b) => b - a);
  const potential: number[] = [];
  for (const depth of depths) {
    for (const least of priorities) {
      let missing = 0;
      for (const role of roles.filter((one) => lineage(one).length === depth))
        for (const amount of missingOf(input, count, role, least).values()) missing += amount;
      potential.push(missing);
    }
  }
  for (const least of priorities) {
    let runs = 0;
    for (const job of input.jobs)
      for (const one of input.partitions)
        if (job.priority >= least) runs += count(job, one) * RESOURCES.reduce((n, r) => n + (job.demand[r] ?? 0), 0);
    potential.push(-runs);
  }
  return potential;
}

/** Negative: `a` is smaller. */
export function compare(a: readonly number[], b: readonly number[]): number {
  const differs = a.findIndex((value, i) => value !== b[i]);
  return differs < 0 ? 0 : (a[differs] ?? 0) - (b[differs] ?? 0);
}
