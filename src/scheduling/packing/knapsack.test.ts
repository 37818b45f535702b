import fc from "fast-check";
import { expect, test } from "vitest";
import { worthiest } from "./knapsack.ts";

const anyItems = fc.array(fc.record({ size: fc.integer({ min: 1, max: 9 }), gain: fc.integer({ min: 0, max: 50 }) }), {
  maxLength: 4,
});

/** Every filling, one by one. */
function mostOf(items: readonly { size: number; gain: number }[], room: number): number {
  const worths = items.filter(({ size }) => size <= room).map(({ size, gain }) => gain + mostOf(items, room - size));
  return Math.max(0, ...worths);
}

test("the worthiest filling is in the room, is worth what it says, and none is worth more", () => {
  fc.assert(
    fc.property(anyItems, fc.integer({ min: 0, max: 14 }), (items, room) => {
      const sizes = items.map(({ size }) => size);
      const gains = items.map(({ gain }) => gain);
      const filling = worthiest(sizes, gains, room);
      const sum = (amounts: readonly number[]) =>
        filling.items.reduce((all, item) => all + (amounts[item] as number), 0);
      expect(sum(sizes)).toBeLessThanOrEqual(room);
      expect(sum(gains)).toBe(filling.worth);
      expect(filling.worth).toBe(mostOf(items, room));
    }),
  );
});
