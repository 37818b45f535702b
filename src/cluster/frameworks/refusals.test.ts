import fc from "fast-check";
import { expect, test } from "vitest";
import { Refusals } from "./refusals.ts";

const NOW = 1_800_000_000_000;
const isRefused = (refusals: Refusals, node: number, free: Record<string, number>): boolean =>
  refusals.covering(free).some((nodes) => nodes.has(node));

test("OfferFilter: what is contained in what was refused is not offered, anything more is", () => {
  const refusals = new Refusals();
  refusals.add(7, { cpus: 2000, mem: 512_000 }, 5_000, NOW);
  expect(isRefused(refusals, 7, { cpus: 2000, mem: 512_000 })).toBe(true);
  expect(isRefused(refusals, 7, { cpus: 1000 })).toBe(true);
  expect(isRefused(refusals, 7, { cpus: 2000, mem: 513_000 })).toBe(false);
  expect(isRefused(refusals, 7, { cpus: 1000, disk: 1 })).toBe(false);
  expect(isRefused(refusals, 8, { cpus: 1000 })).toBe(false);
});

test("SmallOfferFilterTimeout: a filter holds for a second at least", () => {
  const refusals = new Refusals();
  refusals.add(1, { cpus: 1000 }, 0, NOW);
  refusals.expire(NOW + 999);
  expect(isRefused(refusals, 1, { cpus: 1000 })).toBe(true);
  refusals.expire(NOW + 1_100);
  expect(isRefused(refusals, 1, { cpus: 1000 })).toBe(false);
  expect(refusals.isEmpty).toBe(true);
});

test("none ends sooner than asked, nor much later, and the next end is known", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(40), fc.integer({ min: 0, max: 3e10 })), { minLength: 1 }), (asked) => {
      const refusals = new Refusals();
      for (const [node, forMs] of asked) {
        const untilMs = refusals.add(node, { cpus: 1000 }, forMs, NOW);
        const wanted = Math.max(1_000, forMs);
        expect(untilMs).toBeGreaterThanOrEqual(NOW + wanted);
        expect(untilMs - NOW).toBeLessThanOrEqual(wanted * 1.02 + 1);
      }
      const { nextEndAt } = refusals;
      expect(nextEndAt).not.toBeNull();
      expect(refusals.expire((nextEndAt ?? 0) - 1)).toBe(false);
      expect(refusals.expire(nextEndAt ?? 0)).toBe(true);
    }),
  );
});

test("refusals of the same until about the same time are kept together", () => {
  const refusals = new Refusals();
  for (let node = 0; node < 10_000; node++) refusals.add(node, { cpus: 1000 }, 3_600_000, NOW + node / 100);
  expect([...refusals.all].length).toBeLessThanOrEqual(2);
  expect(refusals.size).toBe(10_000);
});

test("what is refused after all was asked for again ends when it was asked to, whatever ends with it", () => {
  const refusals = new Refusals();
  const untilMs = refusals.add(1, { cpus: 1000 }, 3_600_000, NOW);
  refusals.revive(NOW + 1);
  expect(refusals.add(2, { cpus: 1000 }, 3_600_000, NOW + 1)).toBe(untilMs);
  refusals.expire(NOW + 2_000);
  expect(isRefused(refusals, 1, { cpus: 1000 })).toBe(false);
  expect(isRefused(refusals, 2, { cpus: 1000 })).toBe(true);
});
