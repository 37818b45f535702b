/** Amounts as words on the command line and in tables: `cpus=4,mem=8GiB`. */
import type { Amounts } from "../../src/model/partition.ts";
import type { Resources } from "../../src/model/resources.ts";
import { listOf, pairs } from "../job/spec.ts";

export type Words = Record<string, string>;

const MIB_RESOURCES = new Set(["mem", "disk"]);

/** Exact, so that what was read can be sent again: `4`, `8GiB`, `8000MiB`. */
export function amountWord(resource: string, milli: number): string {
  const units = milli / 1000;
  if (!MIB_RESOURCES.has(resource)) return String(units);
  return units > 0 && units % 1024 === 0 ? `${units / 1024}GiB` : `${units}MiB`;
}

export const wordsOf = (resources: Resources): Words =>
  Object.fromEntries(Object.entries(resources).map(([name, milli]) => [name, amountWord(name, milli)]));

/** The same of amounts that may be parts. */
export const partWordsOf = (amounts: Amounts): Words =>
  Object.fromEntries(
    Object.entries(amounts).map(([name, wanted]) => [
      name,
      "percent" in wanted ? `${wanted.percent}%` : amountWord(name, wanted.amount),
    ]),
  );

export const wordList = (words: Words): string =>
  Object.entries(words)
    .map((pair) => pair.join("="))
    .join(",");

/**
 * What is there, changed by what was typed: a resource that is not named stays, `cpus=` takes one away.
 * @param option for the message
 */
export function changed(before: Words, typed: string, option: string): Words {
  const words = { ...before, ...pairs(listOf(typed), option) };
  return Object.fromEntries(Object.entries(words).filter(([, word]) => word !== ""));
}
