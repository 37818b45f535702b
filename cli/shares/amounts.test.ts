import fc from "fast-check";
import { expect, it } from "vitest";
import { parseAmount } from "../../src/model/resources.ts";
import { amountWord, changed, partWordsOf, wordList, wordsOf } from "./amounts.ts";

it("an amount in a word is exactly the amount", () => {
  const amounts = fc.record({ name: fc.constantFrom("cpus", "mem", "disk", "gpus"), milli: fc.nat(2 ** 31) });
  fc.assert(
    fc.property(amounts, ({ name, milli }) => {
      expect(parseAmount(name, amountWord(name, milli))).toBe(milli);
    }),
  );
});

it("memory is in GiB where that is a whole number", () => {
  expect(wordList(wordsOf({ cpus: 500, mem: 8_192_000, gpus: 0 }))).toBe("cpus=0.5,mem=8GiB,gpus=0");
  expect(wordList(wordsOf({ mem: 8_000_000 }))).toBe("mem=8000MiB");
  expect(wordList(partWordsOf({ cpus: { percent: 12.5 }, disk: { amount: 2_048_000 } }))).toBe("cpus=12.5%,disk=2GiB");
});

it("what is not named stays, and an empty amount takes one away", () => {
  const before = { cpus: "4", mem: "8GiB" };
  expect(changed(before, "cpus=2, gpus=50%", "--lend")).toEqual({ cpus: "2", mem: "8GiB", gpus: "50%" });
  expect(changed(before, "cpus=", "--lend")).toEqual({ mem: "8GiB" });
  expect(() => changed(before, "most", "--lend")).toThrow(/--lend wants NAME=VALUE/);
});
