import fc from "fast-check";
import { expect, test } from "vitest";
import { LiveTasks, type Placed } from "./liveTasks.ts";

const START_MS = 1_800_000_000_000;
const placed = fc.record({
  partition: fc.constantFrom("a", "b"),
  lender: fc.constantFrom(null, "lab"),
  assignedAt: fc.nat(1_000).map((ms) => START_MS + ms),
  carried: fc.record({ seq: fc.nat(2) }),
});
const step = fc.oneof(
  fc.record({ index: fc.nat(5), live: placed }),
  fc.record({ index: fc.nat(5), live: fc.constant(null) }),
);

test("what is counted as attempts come and go is what those there add up to, also when the clock went back", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), fc.nat(1_500), (steps, afterMs) => {
      const tasks = new LiveTasks<Placed>();
      for (const { index, live } of steps) {
        if (live) tasks.set(index, live);
        else tasks.delete(index);
      }
      const now = START_MS + afterMs;
      const counts: Record<string, number> = {};
      const held: Record<string, number> = {};
      for (const { partition, lender, assignedAt } of tasks.values()) {
        counts[partition] = (counts[partition] ?? 0) + 1;
        const where = `${partition} ${lender}`;
        held[where] = (held[where] ?? 0) + Math.max(0, now - assignedAt);
      }
      const found: Record<string, number> = {};
      for (const { partition, lender, ms } of tasks.held(now))
        found[`${partition} ${lender}`] = (found[`${partition} ${lender}`] ?? 0) + ms;
      expect(tasks.counts()).toEqual(counts);
      expect(found).toEqual(held);
      expect(tasks.hasAdopted).toBe([...tasks.values()].some(({ carried }) => carried.seq === 0));
    }),
  );
});
