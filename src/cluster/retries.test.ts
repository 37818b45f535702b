import fc from "fast-check";
import { expect, test } from "vitest";
import { Retries } from "./retries.ts";

const step = fc.oneof(
  fc.record({ set: fc.nat(8), notBefore: fc.nat(20) }),
  fc.record({ delete: fc.nat(8) }),
  // Clocks jump either way.
  fc.record({ now: fc.nat(20) }),
);

test("whatever is put off, taken or looked at, it knows what is due and when the next will be", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const retries = new Retries<{ index: number; notBefore: number }>();
      let now = 0;
      for (const one of steps) {
        if ("set" in one) retries.set(one.set, { index: one.set, notBefore: one.notBefore });
        else if ("delete" in one) retries.delete(one.delete);
        else now = one.now;
        const times = [...retries.values()].map(({ notBefore }) => notBefore);
        const later = times.filter((at) => at > now);
        expect(retries.isDue(now)).toBe(times.some((at) => at <= now));
        expect(retries.nextAt(now)).toBe(later.length === 0 ? null : Math.min(...later));
      }
    }),
  );
});
