import { expect, test } from "vitest";
import type { Decision } from "../../model/decision.ts";
import { changesBetween } from "./decided.ts";

const NOTHING: Decision = { job: "d", places: [], preempts: [] };
const at = (places: Record<string, number>, lenders: Record<string, string> = {}): Decision => ({
  ...NOTHING,
  places: Object.entries(places).map(([partition, tasks]) => ({
    partition,
    tasks,
    lender: lenders[partition] ?? null,
  })),
});
const preempting = (...preempts: Decision["preempts"]): Decision => ({ ...NOTHING, preempts });

test("the same decision has no changes", () => {
  const one = {
    ...at({ "north/a": 2 }, { "north/a": "lab" }),
    preempts: [{ job: "x", partition: "north/a", tasks: 1 }],
  };
  expect(changesBetween(one, structuredClone(one))).toEqual([]);
});

test("each partition says how many there were and are, and of whom they are borrowed", () => {
  expect(changesBetween(at({ "north/a": 4, "south/b": 1 }), at({ "north/a": 2, "west/c": 3 }))).toEqual([
    "north/a 4 → 2 tasks",
    "south/b 1 → 0 tasks",
    "west/c 0 → 3 tasks",
  ]);
  expect(changesBetween(at({ "north/a": 1 }), at({ "north/a": 1 }, { "north/a": "lab" }))).toEqual([
    "would now borrow north/a of lab",
  ]);
  expect(changesBetween(at({ "north/a": 1 }, { "north/a": "lab" }), at({ "north/a": 2 }))).toEqual([
    "north/a 1 → 2 tasks",
    "north/a is not borrowed any more",
  ]);
});

test("each job that would be preempted otherwise is named", () => {
  const one = { job: "x", partition: "north/a", tasks: 1 };
  expect(changesBetween(NOTHING, preempting(one))).toEqual(["would now preempt 1 of job x in north/a"]);
  expect(changesBetween(preempting(one), preempting({ ...one, tasks: 3 }))).toEqual([
    "would preempt 3 of job x in north/a, not 1",
  ]);
  expect(changesBetween(preempting(one), NOTHING)).toEqual(["would preempt 0 of job x in north/a, not 1"]);
});

test("another job is told as one; of very many changes the first are told", () => {
  expect(changesBetween(NOTHING, { ...NOTHING, job: "e" })).toEqual([
    "it is another job than the one that was planned",
  ]);
  const many = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`c${i}/a`, 1]));
  const told = changesBetween(NOTHING, at(many));
  expect([told.length, told.at(-1)]).toEqual([9, "22 changes more"]);
});
