import { afterEach, expect, test } from "vitest";
import { nodes, part, ToyLeague } from "../../test/explain/toyLeague.ts";

let league: ToyLeague;
afterEach(() => league?.close());
const one = { command: "true", resources: { cpus: 1 } };

test("a bar that is lifted for one reason leaves those that stand for another", () => {
  league = new ToyLeague({
    north: [part("a", [nodes(2, { cpus: 1 })]), part("default", [nodes(2, { cpus: 1 })])],
  });
  const id = league.submit({ ...one, count: 8 });
  const back = (reason: "refused" | "fragmented", from: number, partition: string) => ({
    from,
    to: from + 1,
    handout: 1,
    attemptsUsed: 0,
    reason,
    partitions: [partition],
  });
  league.say("north", id, {
    live: {},
    reason: "fragmented",
    returned: [back("refused", 0, "a"), back("fragmented", 1, "default")],
  });
  expect(Object.keys(league.view(id).partitions)).not.toContain("north/a");
  league.say("north", id, { live: {}, reason: null, returned: [] });
  expect(league.view(id).partitions["north/a"]?.limit ?? 0).toBe(0);
});

test("room that a partition has again lifts the bar there, and leaves those where there is none", () => {
  league = new ToyLeague({
    north: ["a", "b", "default"].map((name) => part(name, [nodes(2, { cpus: 1 })])),
  });
  const id = league.submit({ ...one, count: 9 });
  const limits = () => league.view(id).partitions;
  const back = (partition: string, from: number) => ({
    from,
    to: from + 1,
    handout: 1,
    attemptsUsed: 0,
    reason: "fragmented" as const,
    partitions: [partition],
  });
  league.say("north", id, {
    live: {},
    reason: "fragmented",
    lacksIn: ["a", "b"],
    returned: [back("a", 0), back("b", 1)],
  });
  // It waits in another one by now.
  league.say("north", id, { live: {}, reason: null, lacksIn: ["a"], returned: [] });
  expect(Object.keys(limits()).sort()).toEqual(["north/b", "north/default"]);
  league.say("north", id, { live: {}, reason: null, returned: [] });
  expect(Object.keys(limits()).sort()).toEqual(["north/a", "north/b", "north/default"]);
});

test("a bar that other shapes lifted stays lifted after a crash, also while the job runs elsewhere", () => {
  league = new ToyLeague({
    north: [part("default", [nodes(1, { cpus: 1 })])],
    south: [part("default", [nodes(1, { cpus: 1 })])],
  });
  const id = league.submit({ ...one, count: 1 });
  const [first, other] = league.view(id).clusters.north ? (["north", "south"] as const) : (["south", "north"] as const);
  league.say(first, id, {
    live: {},
    returned: [{ from: 0, to: 1, handout: 1, attemptsUsed: 0, reason: "does-not-fit", partitions: ["default"] }],
  });
  expect(league.view(id).clusters[other]?.live).toBe(1);
  league.cluster(first).grants.delete(id);
  league.addNodes(`${first}/default`, nodes(1, { cpus: 1 }));
  league.home.crash();
  league.say(other, id, {
    live: {},
    returned: [{ from: 0, to: 1, handout: 2, attemptsUsed: 0, reason: "does-not-fit", partitions: ["default"] }],
  });
  expect(league.view(id).clusters[first]?.live).toBe(1);
});
