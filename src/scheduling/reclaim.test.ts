import fc from "fast-check";
import { expect, test } from "vitest";
import { add, fits, type Resources } from "../model/resources.ts";
import { type Candidate, chooseSite, chooseVictims, type Site } from "./reclaim.ts";

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

const site = (
  node: string,
  candidates: Candidate[],
  missing: Resources,
  fitsWithout: (n: number) => boolean = () => true,
): Site<Candidate> => ({
  node,
  candidates,
  missing,
  fitsWithout: (victims) => fits(missing, freedBy(victims)) && fitsWithout(victims.length),
});

test("of several nodes the one is taken where least is lost, and the first of equal ones", () => {
  const cheap = gpus(2, 3);
  const sites = [
    site("dear", [gpus(4, 9)], { gpus: 2000 }),
    site("cheap", [gpus(1, 2), gpus(1, 2), cheap], { gpus: 2000 }),
  ];
  expect(chooseSite(sites, NOW)).toEqual({ node: "cheap", victims: [cheap] });
  expect(
    chooseSite([site("a", [gpus(2, 3)], { gpus: 2000 }), site("b", [gpus(2, 3)], { gpus: 2000 })], NOW)?.node,
  ).toBe("a");
  expect(chooseSite([site("small", [gpus(1, 0)], { gpus: 2000 })], NOW)).toBeNull();
});

test("where amounts are not all that matters, more are stopped until it really fits, and none spare", () => {
  const attempts = [gpus(1, 5), gpus(1, 1), gpus(1, 3)];
  expect(lossOf(chooseSite([site("n", attempts, { gpus: 1000 }, (n) => n >= 2)], NOW)?.victims ?? null)).toBe(4);
  expect(chooseSite([site("n", attempts, { gpus: 1000 }, (n) => n >= 4)], NOW)).toBeNull();
  expect(lossOf(chooseSite([site("n", attempts, {}, (n) => n >= 1)], NOW)?.victims ?? null)).toBe(1);
});
