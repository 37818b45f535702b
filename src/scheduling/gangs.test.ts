import { describe, expect, test } from "vitest";
import { explain } from "./explain/explain.ts";
import type { Waiting } from "./explain/waiting.ts";
import type { RoundInput, RoundJob } from "./input.ts";
import { leagueProblem } from "./planning/leagueProblem.ts";
import { job, league, partition, running, total } from "./round.fixture.ts";
import { round } from "./round.ts";
import { classKey, classSlots } from "./slots.ts";
import { starvedJobs } from "./starving.ts";

const cpus = (n: number) => ({ cpus: n * 1000 });
/** Nodes of so many cpus each. */
const nodes = (cluster: string, count: number, each: number, rest: Parameters<typeof partition>[2] = {}) =>
  partition(cluster, cpus(count * each), {
    shapes: [{ count, capacity: cpus(each), attributes: {}, drivers: ["process"] }],
    ...rest,
  });
/** Gangs of `unit` tasks of so many cpus each. */
const gangs = (id: string, unit: number, each: number, remaining: number, rest: Partial<RoundJob> = {}) =>
  job(id, cpus(unit * each), remaining, { unit, ...rest });

describe("what a partition holds of gangs", () => {
  test("its tasks are counted node by node, and only whole gangs of them", () => {
    expect(classSlots(nodes("north", 4, 4), gangs("g", 8, 1, 9))).toBe(2);
    expect(classSlots(nodes("north", 3, 4), gangs("g", 8, 1, 9))).toBe(1);
    // 3 cpus on nodes of 4: one task each, however much is left over.
    expect(classSlots(nodes("north", 7, 4), gangs("g", 8, 3, 9))).toBe(0);
  });

  test("a gang is never gathered from two partitions", () => {
    const result = round(league([nodes("north", 1, 4), nodes("south", 1, 4)], [gangs("g", 8, 1, 1)]));
    expect(total(result.limits, "g")).toBe(0);
    expect(result.stops.get("g")).toEqual({ kind: "no-slot" });
  });

  test("tasks that must be apart have a node each, and a value of the attribute each", () => {
    const racks = partition("north", cpus(16), {
      shapes: ["a", "b"].map((rack) => ({ count: 2, capacity: cpus(4), attributes: { rack }, drivers: ["process"] })),
    });
    expect(classSlots(racks, job("j", cpus(1), 99))).toBe(16);
    expect(classSlots(racks, job("j", cpus(1), 99, { apart: ["node"] }))).toBe(4);
    expect(classSlots(racks, job("j", cpus(1), 99, { apart: ["rack"] }))).toBe(2);
    expect(classSlots(racks, job("j", cpus(1), 99, { apart: ["cluster"] }))).toBe(1);
    // Nodes that do not say where they are may be in one place.
    expect(classSlots(racks, job("j", cpus(1), 99, { apart: ["zone"] }))).toBe(1);
    expect(classSlots(racks, gangs("g", 2, 1, 9, { apart: ["node"] }))).toBe(2);
    expect(classSlots(racks, gangs("g", 4, 1, 9, { apart: ["rack"] }))).toBe(0);
  });

  test("jobs that differ in their gangs, or in what keeps them apart, are of different classes", () => {
    const keys = [
      job("a", cpus(8), 1),
      gangs("b", 8, 1, 1),
      gangs("c", 4, 2, 1),
      job("d", cpus(8), 1, { apart: ["node"] }),
    ].map(classKey);
    expect(new Set(keys).size).toBe(4);
  });
});

describe("a gang among small tasks", () => {
  test("it gets its part in whole, and the rest goes to the others", () => {
    const result = round(league([nodes("north", 10, 1)], [job("small", cpus(1), 99), gangs("gang", 8, 1, 1)]));
    expect(total(result.limits, "gang")).toBe(1);
    expect(total(result.limits, "small")).toBe(2);
  });

  test("while they run all that is there, what they give back is kept until it is enough", () => {
    let small = 10;
    let gang = 0;
    const seen: number[] = [];
    while (gang === 0 && seen.length < 20) {
      const input = league(
        [nodes("north", 10, 1)],
        [job("small", cpus(1), 99, { held: running({ north: small }) }), gangs("gang", 8, 1, 1)],
      );
      const { limits } = round(input);
      seen.push(small);
      gang = total(limits, "gang");
      // One of them ends, and is followed by another if the limit says so.
      small = Math.max(total(limits, "small"), small - 1);
    }
    expect(gang).toBe(1);
    expect(seen).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2]);
  });

  test("small jobs that keep coming wait for it as soon as those are over that were there before it", () => {
    const small = (n: number, runs: number) => job(`small-${n}`, cpus(1), 4, { held: running({ north: runs }) });
    const gang = gangs("gang", 8, 1, 1);
    const rounds = (...jobs: RoundJob[]) => round(league([nodes("north", 10, 1)], jobs)).limits;
    // Three that are older have a task each: what is left is too little for it, and goes to them.
    const before = rounds(small(1, 4), small(2, 3), small(3, 3), gang);
    expect(total(before, "gang")).toBe(0);
    // One after the other is over, and a younger one comes in its place: it gets no more than a gang leaves.
    const after = rounds(small(2, 3), gang, small(4, 0));
    expect(total(after, "gang")).toBe(0);
    expect(total(after, "small-4")).toBeLessThanOrEqual(1);
    expect(total(rounds(gang, small(4, 1), small(5, 0)), "gang")).toBe(1);
  });

  test("whoever gets nothing beside it does not starve, by the round's own measure", () => {
    const input = league([nodes("north", 10, 1)], [gangs("gang", 8, 1, 2), job("small", cpus(1), 99)]);
    const result = round(input);
    expect(starvedJobs(input, result)).toEqual([]);
  });
});

test("an optimised round counts gangs: each is worth as much as its tasks", () => {
  const problem = (objective: RoundInput["objective"], jobs: RoundJob[]) => {
    const input = league([nodes("north", 16, 1)], jobs, {}, { objective });
    return leagueProblem(input, round(input)).problem.classes;
  };
  for (const objective of ["utilisation", "completion-time", "cost"] as const) {
    const [gang] = problem(objective, [gangs("gang", 8, 1, 1)]);
    const [single] = problem(objective, [job("single", cpus(1), 8)]);
    expect(gang?.count).toBe(1);
    expect(gang?.on[0]?.value).toBeCloseTo(8 * (single?.on[0]?.value ?? 0));
  }
});

describe("why a gang waits", () => {
  const waiting = (input: RoundInput, local: Waiting["local"] = null, held: Waiting["held"] = null): Waiting => ({
    input,
    result: round(input),
    job: input.jobs.at(-1) as RoundJob,
    texts: [],
    local,
    held,
    silenceLeftMs: null,
  });

  test("no partition holds it: how many the largest holds is told, and a smaller gang that fits is found", () => {
    const told = explain(waiting(league([nodes("north", 6, 1), nodes("south", 4, 1)], [gangs("gang", 8, 1, 1)])));
    expect(told.reason).toBe("never-fits");
    expect(told.sentence).toBe(
      "No partition holds 8 tasks of 1 cpus each at once, even when empty: north/default holds most, 6 of them.",
    );
    expect(told.funnel.at(-1)).toMatchObject({ nodes: 0, clause: "in a partition that, empty, holds 8 together" });
    expect(told.fix).toMatchObject({ command: "--gang 4", startsNow: 8 });
  });

  test("one of its tasks fits on no node: that is told of the task", () => {
    const told = explain(waiting(league([nodes("north", 6, 1)], [gangs("gang", 2, 3, 1)])));
    expect(told.sentence).toBe("No node is large enough for 3 cpus, even when empty.");
  });

  test("others run where it would start: it waits for room for all of it", () => {
    const busy = job("busy", cpus(1), 6, { held: running({ north: 6 }) });
    const told = explain(waiting(league([nodes("north", 8, 1)], [busy, gangs("gang", 8, 1, 1)])));
    expect(told.reason).toBe("share");
    const full = league([nodes("north", 8, 1)], [gangs("gang", 8, 1, 2, { held: running({ north: 1 }) })]);
    expect(explain(waiting(full)).sentence).toMatch(/as soon as there is room for 8 tasks of 1 cpus each/);
  });

  test("its cluster keeps places for it: how many, and for how long at most", () => {
    const input = league([nodes("north", 8, 1)], [gangs("gang", 8, 1, 1)]);
    const told = explain(waiting(input, "gang", { places: 5, holdMs: 60_000 }));
    expect(told.reason).toBe("gang");
    expect(told.sentence).toBe(
      "It waits until all 8 can start together; 5 of 8 places are kept for it, for at most 1m.",
    );
    expect(told.fix).toMatchObject({ command: "--gang 4" });
  });
});
