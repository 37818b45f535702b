import { describe, expect, test } from "vitest";
import * as vectors from "../vectors.fixture.ts";
import { addUsage, available, dominantBorrowed, potential, type QuotaNode, quotaNode, settle } from "./quota.ts";

describe("available and potential quota", () => {
  test.each(vectors.kueueAvailable)("$id ($source)", ({ nodes, usage, available: expected, potential: most }) => {
    const made = new Map<string, QuotaNode>();
    for (const [name, node] of Object.entries(nodes)) {
      const { parent, nominal = 0, lendingLimit = Infinity, borrowingLimit = Infinity } = node;
      const bounds = { nominal: [nominal], lendingLimit: [lendingLimit], borrowingLimit: [borrowingLimit] };
      made.set(name, quotaNode((parent && made.get(parent)) || null, bounds));
    }
    const at = (name: string): QuotaNode => {
      const node = made.get(name);
      if (!node) throw new Error(name);
      return node;
    };
    for (const node of made.values()) if (node.parent === null) settle(node);
    for (const [name, amount] of Object.entries(usage)) addUsage(at(name), 0, amount);
    // Kueue's snapshot shows what is overdrawn as nothing.
    for (const [name, amount] of Object.entries(expected)) expect(Math.max(0, available(at(name), 0))).toBe(amount);
    for (const [name, amount] of Object.entries(most)) expect(potential(at(name), 0)).toBe(amount);
  });

  test("what is used beyond all that there is shows as less than nothing", () => {
    const cohort = quotaNode(null, { nominal: [10], lendingLimit: [Infinity], borrowingLimit: [Infinity] });
    const one = quotaNode(cohort, { nominal: [10], lendingLimit: [Infinity], borrowingLimit: [Infinity] });
    settle(cohort);
    addUsage(one, 0, 31);
    expect(available(one, 0)).toBe(-11);
  });
});

describe("dominant share of what is borrowed", () => {
  test.each(vectors.kueueShare)("$id ($source)", ({ borrowed, lendable, weight, share }) => {
    const names = Object.keys(lendable);
    const vector = (amounts: Record<string, number>) => names.map((name) => amounts[name] ?? 0);
    // Kueue shows thousandths, rounded up.
    expect(Math.ceil(1000 * dominantBorrowed(vector(borrowed), vector(lendable), weight))).toBe(share);
  });

  test("who borrows with weight 0 comes last, who does not borrow first", () => {
    expect(dominantBorrowed([1], [10], 0)).toBe(Infinity);
    expect(dominantBorrowed([0], [10], 0)).toBe(0);
  });
});
