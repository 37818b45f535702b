import fc from "fast-check";
import { expect, test } from "vitest";
import { add, fits, type Resources } from "../model/resources.ts";
import { type Candidate, chooseVictims } from "./reclaim.ts";

const NOW = { nowMs: 1_000_000, minRunMs: 0 };
const gpus = (size: number, loss: number, startedAtMs = 0): Candidate => ({
  frees: { gpus: size * 1000 },
  loss,
  startedAtMs,
});
const lossOf = (victims: readonly Candidate[] | null) => victims?.reduce((sum, { loss }) => sum + loss, 0) ?? null;
const freedBy = (victims: readonly Candidate[]) => victims.reduce<Resources>((sum, { frees }) => add(sum, frees), {});

test("sizes 4, 2, 1, 8 with losses 6, 3, 1, 9 free 5 by 4 and 1, with loss 7", () => {
  const four = gpus(4, 6);
  const one = gpus(1, 1);
  const victims = chooseVictims([four, gpus(2, 3), one, gpus(8, 9)], { gpus: 5000 }, NOW);
  expect(new Set(victims)).toEqual(new Set([four, one]));
  expect(lossOf(victims)).toBe(7);
});

test("of attempts that lose as much, the newest is stopped", () => {
  const old = gpus(1, 5, 100);
  const young = gpus(1, 5, 200);
  expect(chooseVictims([old, young], { gpus: 1000 }, NOW)).toEqual([young]);
  expect(chooseVictims([young, old], { gpus: 1000 }, NOW)).toEqual([young]);
});

test("an attempt younger than minRun is left alone, even if only it would do", () => {
  const young = gpus(1, 0, 999_000);
  expect(chooseVictims([young], { gpus: 1000 }, { nowMs: 1_000_000, minRunMs: 1001 })).toBeNull();
  expect(chooseVictims([young], { gpus: 1000 }, { nowMs: 1_000_000, minRunMs: 1000 })).toEqual([young]);
});

test("a victim that another resource made needless is returned", () => {
  const narrow: Candidate = { frees: { gpus: 1000 }, loss: 1, startedAtMs: 0 };
  const wide: Candidate = { frees: { gpus: 1000, mem: 9_000 }, loss: 5, startedAtMs: 0 };
  expect(chooseVictims([narrow, wide], { gpus: 1000, mem: 9_000 }, NOW)).toEqual([wide]);
});

const anyGang = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 20 }), fc.nat(50));

function leastLoss(candidates: readonly Candidate[], missing: Resources): number | null {
  let least: number | null = null;
  for (let set = 0; set < 2 ** candidates.length; set++) {
    const some = candidates.filter((_, i) => set & (1 << i));
    const loss = lossOf(some) ?? 0;
    if (fits(missing, freedBy(some)) && (least === null || loss < least)) least = loss;
  }
  return least;
}

test("no set of attempts loses less than the one that is chosen", () => {
  fc.assert(
    fc.property(fc.array(anyGang, { maxLength: 9 }), fc.integer({ min: 1, max: 30 }), (gangs, need) => {
      const candidates = gangs.map(([size, loss, startedAtMs]) => gpus(size, loss, startedAtMs));
      const missing = { gpus: need * 1000 };
      expect(lossOf(chooseVictims(candidates, missing, NOW))).toBe(leastLoss(candidates, missing));
    }),
  );
});

test("of several resources enough is freed, and by nobody who is not needed", () => {
  const amount = fc.integer({ min: 0, max: 1_000_003 });
  const demand = fc.record({ cpus: amount, mem: amount, gpus: amount });
  const attempt = fc.record({ frees: demand, loss: fc.nat(100), startedAtMs: fc.nat(100) });
  fc.assert(
    fc.property(fc.array(attempt, { maxLength: 12 }), demand, (candidates, missing) => {
      const victims = chooseVictims(candidates, missing, NOW);
      expect(victims === null).toBe(!fits(missing, freedBy(candidates)));
      if (victims === null) return;
      expect(new Set(victims).size).toBe(victims.length);
      expect(fits(missing, freedBy(victims))).toBe(true);
      for (const spare of victims) {
        expect(fits(missing, freedBy(victims.filter((victim) => victim !== spare)))).toBe(false);
      }
    }),
  );
});
