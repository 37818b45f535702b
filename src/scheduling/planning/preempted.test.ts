import { expect, test } from "vitest";
import type { RoundJob } from "../input.ts";
import { job, league, partition } from "../round.fixture.ts";
import { round } from "../round.ts";
import { preemptedFor } from "./preempted.ts";

const KEY = "north/default";
const at = <T>(by: Record<string, T>) =>
  new Map(Object.entries(by).map(([id, one]) => [id, new Map([[KEY, one]])] as const));

/** What is stopped for job `mine`, which has such a claim there, of others that yield so much. */
function stopped(
  claim: { own: number; priority: number },
  yields: Record<string, { lent: number; lower: number }>,
  others: RoundJob[],
) {
  const mine = job("mine", { cpus: 2000, mem: 100 }, 9, { role: "lab" });
  const input = league([partition("north", { cpus: 8000, mem: 800 })], [...others, mine]);
  const told = Object.fromEntries(Object.entries(yields).map(([id, one]) => [id, { ...one, keep: 0 }]));
  const result = { claims: at({ mine: { ...claim, inKind: false } }), yields: at(told) };
  return Object.fromEntries(preemptedFor(mine, input, result).map((one) => [one.job, one.tasks]));
}
const small = (id: string, role = "web") => job(id, { cpus: 1000, mem: 100 }, 9, { role, priority: 10 });

test("a round that says nothing of it stops nobody", () => {
  const mine = job("mine", { cpus: 1000 }, 9);
  const input = league([partition("north", { cpus: 8000 })], [small("other"), mine]);
  expect(preemptedFor(mine, input, round(input))).toEqual([]);
});

test("the youngest jobs' tasks go first, as many as make the room", () => {
  const yields = { old: { lent: 4, lower: 0 }, young: { lent: 3, lower: 0 } };
  const others = [small("old"), small("young")];
  expect(stopped({ own: 1, priority: 0 }, yields, others)).toEqual({ young: 2 });
  expect(stopped({ own: 2, priority: 0 }, yields, others)).toEqual({ young: 3, old: 1 });
  expect(stopped({ own: 9, priority: 0 }, yields, others)).toEqual({ young: 3, old: 4 });
  expect(stopped({ own: 0, priority: 0 }, yields, others)).toEqual({});
});

test("for its priority only lower ones of its own role are stopped, and none is counted twice", () => {
  const yields = { same: { lent: 2, lower: 3 }, other: { lent: 0, lower: 3 }, equal: { lent: 0, lower: 3 } };
  const equal = job("equal", { cpus: 1000, mem: 100 }, 9, { role: "lab" });
  const others = [small("other"), small("same", "lab"), equal];
  expect(stopped({ own: 0, priority: 1 }, yields, others)).toEqual({ same: 2 });
  expect(stopped({ own: 1, priority: 1 }, yields, others)).toEqual({ same: 3 });
});
