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
