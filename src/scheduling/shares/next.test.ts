/** Who is next, against Mesos' own tests of its sorter and its allocator, and the order of the DRF paper. */
import { describe, expect, test } from "vitest";
import type { Resources } from "../../model/resources.ts";
import type { RolePolicy } from "../../model/role.ts";
import { job, league, partition } from "../round.fixture.ts";
import * as vectors from "../vectors.fixture.ts";
import { axesOf, timesIn, vectorOf } from "./axes.ts";
import { withinBound, withinLimits } from "./bounds.ts";
import { charge } from "./charge.ts";
import { lineUp, serveNext } from "./next.ts";
import { openRooms } from "./rooms.ts";
import { growTree, type Leaf } from "./tree.ts";

interface Asker {
  role: string;
  has: readonly Resources[];
}

/** The line for so much as `each`, in a league of `capacity`, of those who have something already, oldest first. */
function standing(
  capacity: Resources,
  each: Resources,
  askers: Record<string, Asker>,
  roles: Record<string, Partial<RolePolicy>> = {},
) {
  const jobs = Object.entries(askers).map(([name, { role }]) => job(name, each, 1, { role: role.toLowerCase() }));
  const lowered = Object.fromEntries(Object.entries(roles).map(([role, policy]) => [role.toLowerCase(), policy]));
  const input = league([partition("all", capacity)], jobs, lowered);
  const axes = axesOf([capacity, each]);
  const tree = growTree(input, axes, openRooms(input.partitions, axes));
  const names = new Map<Leaf, string>();
  for (const [{ id }, leaf] of tree.leaves) {
    names.set(leaf, id);
    for (const has of askers[id]?.has ?? []) charge(leaf, null, vectorOf(axes, has));
  }
  const line = lineUp(tree.league, tree.leaves.values());
  return { axes, line, nameOf: (leaf: Leaf) => names.get(leaf) ?? "" };
}

/** The first in line that its bounds and limits let have `each`. */
function firstOf(...args: Parameters<typeof standing>): string | null {
  const { line, nameOf } = standing(...args);
  let first: string | null = null;
  serveNext(line, (leaf, bounds) => {
    const times = Math.min(withinLimits(leaf), ...bounds.map((bound) => withinBound(bound, leaf, null)));
    if (times > 0) first = nameOf(leaf);
    return times > 0;
  });
  return first;
}

const plus = (a: Resources, b: Resources): Resources =>
  Object.fromEntries([...new Set([...Object.keys(a), ...Object.keys(b)])].map((n) => [n, (a[n] ?? 0) + (b[n] ?? 0)]));

describe("sorting", () => {
  test.each(vectors.mesosSort)("$id ($source)", ({ total, alloc, weights, order }) => {
    const askers = Object.fromEntries(Object.entries(alloc).map(([name, has]) => [name, { role: name, has: [has] }]));
    const roles = Object.fromEntries(Object.entries(weights).map(([name, weight]) => [name, { weight }]));
    const { line, nameOf } = standing(total, { cpus: 1 }, askers, roles);
    const asked: string[] = [];
    // Who declines is asked no more, so that all are asked in order.
    serveNext(line, (leaf) => {
      asked.push(nameOf(leaf));
      return false;
    });
    expect(asked).toEqual(order);
  });
});

describe("a whole agent at a time", () => {
  const found = (id: string) => {
    const vector = vectors.mesosOffers.find((one) => one.id === id);
    if (!vector) throw new Error(id);
    return vector;
  };
  const title = (id: string) => `${id} (${found(id).source})`;

  const drf = "HierarchicalAllocatorTest.UnreservedDRF";
  test(title(drf), () => {
    const askers: Record<string, { role: string; has: Resources[] }> = {};
    let capacity: Resources = {};
    for (const { agent, frameworks, addFramework, to } of found(drf).steps ?? []) {
      for (const [name, role] of Object.entries({ ...frameworks, ...addFramework })) askers[name] ??= { role, has: [] };
      capacity = plus(capacity, agent);
      const first = firstOf(capacity, agent, askers);
      expect(first).toBe(to);
      askers[first ?? ""]?.has.push(agent);
    }
  });

  const byWeight = found("UpdateWeight");
  test.each(byWeight.cases ?? [])(`${title("UpdateWeight")}: $weights`, ({ weights, agents }) => {
    const each = byWeight.agent ?? {};
    const names = Object.keys(weights);
    const askers = Object.fromEntries(names.map((role) => [role, { role, has: [] as Resources[] }]));
    const roles = Object.fromEntries(Object.entries(weights).map(([role, weight]) => [role, { weight }]));
    const all = Array.from({ length: byWeight.agents ?? 0 }, () => each).reduce(plus, {});
    for (let n = 0; n < (byWeight.agents ?? 0); n++) askers[firstOf(all, each, askers, roles) ?? ""]?.has.push(each);
    expect(Object.fromEntries(names.map((name) => [name, askers[name]?.has.length]))).toEqual(agents);
  });

  test.each(["QuotaProvidesGuarantee", "DRFWithQuota"])(
    "%s: a role below its quota first, and no more than that",
    (id) => {
      const { quota, steps } = found(id);
      // Mesos' quota of these tests is guarantee and limit in one.
      const roles = Object.fromEntries(
        Object.entries(quota ?? {}).map(([role, amount]) => [role, { guarantee: amount, limit: amount }]),
      );
      const askers: Record<string, { role: string; has: Resources[] }> = {
        NO_QUOTA_ROLE: { role: "NO_QUOTA_ROLE", has: [] },
        QUOTA_ROLE: { role: "QUOTA_ROLE", has: [] },
      };
      const capacity = (steps ?? []).map(({ agent }) => agent).reduce(plus, {});
      for (const { agent, preAllocated, restTo, amount, to } of steps ?? []) {
        for (const [name, has] of Object.entries(preAllocated ?? {})) askers[name]?.has.push(has);
        const offered = amount ?? agent;
        const first = firstOf(capacity, offered, askers, roles);
        expect(first).toBe(to ?? restTo);
        askers[first ?? ""]?.has.push(offered);
      }
    },
  );
});

describe("a task at a time", () => {
  const paper = vectors.drf.find(({ order_if_tie_goes_to_B: order }) => order);
  test(`${paper?.id} (${paper?.source}): in the paper's order, when the tie goes to B`, () => {
    const [cpus = 0, mem = 0] = paper?.capacity ?? [];
    const demands = Object.entries(paper?.users ?? {}).reverse();
    const jobs = demands.map(([name, { demand }]) => job(name, { cpus: demand[0] ?? 0, mem: demand[1] ?? 0 }, 9));
    const input = league([partition("all", { cpus, mem })], jobs);
    const axes = axesOf([{ cpus, mem }]);
    const tree = growTree(input, axes, openRooms(input.partitions, axes));
    const names = new Map([...tree.leaves].map(([{ id }, leaf]) => [leaf, id]));
    const line = lineUp(tree.league, tree.leaves.values());
    const order: string[] = [];
    const give = (leaf: Leaf): boolean => {
      const free = axes.names.map((_, r) => [cpus, mem][r] as number).map((all, r) => all - (tree.league.used[r] ?? 0));
      if (timesIn(leaf.demand, free) === 0) return false;
      charge(leaf, null, leaf.demand);
      order.push(names.get(leaf) ?? "");
      return true;
    };
    while (serveNext(line, give));
    expect(order).toEqual(paper?.order_if_tie_goes_to_B);
  });
});
