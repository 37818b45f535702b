import { expect, test } from "vitest";
import { type Inventory, inventorySchema, joinRequestSchema, pollRequestSchema } from "./agent.ts";

const inventory = (rest: Partial<Inventory>): Inventory => ({
  capacity: { cpus: 1000 },
  attributes: {},
  drivers: ["process"],
  version: "test",
  ...rest,
});
const names = (count: number) => Array.from({ length: count }, (_, i) => `n${i}`);

test.each<[string, Partial<Inventory>, string]>([
  ["gpus in very large numbers", { capacity: { gpus: 2 ** 43 } }, "more than 1024 gpus"],
  ["many resources", { capacity: Object.fromEntries(names(65).map((name) => [name, 1])) }, "more than 64 resources"],
  [
    "many attributes",
    { attributes: Object.fromEntries(names(129).map((name) => [name, ""])) },
    "more than 128 attributes",
  ],
  ["a range that goes down", { capacity: { ports: 2000 }, ports: [[9, 8]] }, "before its first"],
  [
    "ranges that overlap",
    {
      capacity: { ports: 4000 },
      ports: [
        [8, 9],
        [9, 10],
      ],
    },
    "names a port twice",
  ],
  ["more ports than it names", { capacity: { ports: 3000 }, ports: [[8, 9]] }, "another number of ports"],
])("an inventory with %s is refused, and told why", (_, rest, why) => {
  const { error } = inventorySchema.safeParse(inventory(rest));
  expect(error?.issues.map(({ message }) => message).join()).toContain(why);
});

test("one at all bounds is taken", () => {
  const largest = inventory({
    capacity: { gpus: 1_024_000, ports: 3000, ...Object.fromEntries(names(62).map((name) => [name, 2 ** 43])) },
    attributes: Object.fromEntries(names(128).map((name) => [name, "a"])),
    ports: [
      [8, 9],
      [11, 11],
    ],
  });
  expect(inventorySchema.parse(largest)).toEqual(largest);
});

const poll = {
  ...{ session: 1, nonce: "nonce-01", seq: 1, boot: "b", pressure: [], running: [["7k2m.0", 1]] },
  inventory: inventory({}),
  updates: [
    {
      ...{ uuid: "7k2m.1@1:end", task: "7k2m.1", epoch: 1, state: "failed", reason: "exit", code: 1 },
      stdout: { size: 0, crc32: 0, dropped: 0 },
    },
  ],
};

test("of what a newer agent says, what is not known here is passed over", () => {
  const later = { later: 1 };
  const [update] = poll.updates;
  const said = {
    ...{ ...poll, ...later, inventory: { ...poll.inventory, ...later } },
    updates: [{ ...update, ...later, stdout: { ...update?.stdout, ...later } }],
  };
  expect(pollRequestSchema.parse(said)).toEqual(poll);
  const join = { name: "n1", key: "a-key-of-16-chars" };
  expect(joinRequestSchema.parse({ ...join, ...later })).toEqual(join);
});

test("an end for a reason that is not known here is an end", () => {
  const [update] = poll.updates;
  const { updates } = pollRequestSchema.parse({
    ...poll,
    updates: [{ ...update, reason: "eaten-by-a-later-version" }],
  });
  const { reason: _, ...rest } = { ...update };
  expect(updates).toEqual([rest]);
});
