import { describe, expect, test } from "vitest";
import { job, league, partition, running, total } from "./round.fixture.ts";
import { round } from "./round.ts";

const twoClusters = [partition("north", { cpus: 1000 }), partition("south", { cpus: 1000 })];

describe("a round where nothing is configured", () => {
  test("two equal jobs share alike, and a lone one spreads over both clusters", () => {
    const two = round(league(twoClusters, [job("a", { cpus: 100 }, 99), job("b", { cpus: 100 }, 99)])).limits;
    expect([total(two, "a"), total(two, "b")]).toEqual([10, 10]);
    expect(round(league(twoClusters, [job("a", { cpus: 100 }, 4)])).limits.get("a")).toEqual(
      new Map([
        ["north/default", 2],
        ["south/default", 2],
      ]),
    );
  });

  test("a job above its share shrinks, and the other grows only into what is free", () => {
    const { limits, entitled } = round(
      league(twoClusters, [
        job("old", { cpus: 100 }, 99, { held: running({ north: 10, south: 8 }) }),
        job("new", { cpus: 100 }, 99),
      ]),
    );
    expect([total(entitled, "old"), total(entitled, "new")]).toEqual([10, 10]);
    expect([total(limits, "old"), total(limits, "new")]).toEqual([10, 2]);
  });

  test("a barred or forbidden partition gets nothing", () => {
    const limits = (rest: Parameters<typeof job>[3], cpus = 100) =>
      round(league(twoClusters, [job("a", { cpus }, 5, rest)])).limits.get("a");
    expect(limits({ clusters: ["south"] })).toEqual(new Map([["south/default", 5]]));
    expect(limits({ held: new Map([["south/default", { charged: 0, barred: true }]]) })).toEqual(
      new Map([["north/default", 5]]),
    );
    expect(limits({}, 1001)).toEqual(new Map());
  });
});
