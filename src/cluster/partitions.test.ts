import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type PartitionSpec, REST, restSpec, sliceOf } from "../model/partition.ts";
import { add, type Resources } from "../model/resources.ts";
import {
  type Account,
  type AccountNode,
  AccountSums,
  accountsOf,
  keptIn,
  partitionsOf,
  positive,
  unusedOn,
} from "./partitions.ts";

const spec = (name: string, rest: Partial<PartitionSpec> = {}): PartitionSpec => ({ ...restSpec(), name, ...rest });
const node = (capacity: Resources, rest: Partial<AccountNode> = {}): AccountNode => ({
  attributes: {},
  capacity,
  up: true,
  used: new Map(),
  offered: new Map(),
  reserved: new Map(),
  stopping: new Map(),
  ...rest,
});
const PARTS = ["free", "used", "offered", "reserved", "stopping", "down"] as const;
const partsOf = (account: Account): Resources => PARTS.reduce((sum: Resources, part) => add(sum, account[part]), {});
const nonZero = (r: Resources): Resources => Object.fromEntries(Object.entries(r).filter(([, amount]) => amount !== 0));

describe("which partitions a node is of", () => {
  const specs = [
    spec("quarter", { nodes: ["region = eu"], slice: { cpus: { percent: 25 } } }),
    spec("gpu", { nodes: ["has gpu"] }),
    spec("big", { nodes: ["cores >= 8"] }),
    spec(REST),
  ];
  test("the first whole-node rule that it satisfies, after the slices before it", () => {
    expect(partitionsOf(specs, { region: "eu", gpu: "T4", cores: "16" })).toEqual(["quarter", "gpu"]);
    expect(partitionsOf(specs, { region: "us", cores: "16" })).toEqual(["big"]);
  });
  test("the rest, when it satisfies none", () => {
    expect(partitionsOf(specs, { region: "us" })).toEqual([REST]);
  });
});

describe("what a partition has", () => {
  test("a slice is a budget on nodes that are up, of what it does not name in the same part; others hold what is left", () => {
    const specs = [spec("lab", { slice: { cpus: { amount: 3000 } } }), spec(REST)];
    const accounts = accountsOf(specs, [node({ cpus: 2000, mem: 10 }), node({ cpus: 2000, mem: 10 }, { up: false })]);
    expect(accounts.get("lab")).toMatchObject({ total: { cpus: 3000 }, free: { cpus: 2000 }, down: { cpus: 1000 } });
    expect(accounts.get("lab")).toMatchObject({ total: { mem: 15 }, free: { mem: 10 }, down: { mem: 5 } });
    expect(accounts.get(REST)).toMatchObject({ total: { cpus: 1000, mem: 5 }, down: { cpus: 1000, mem: 5 } });
  });
  test("a slice that was made smaller keeps what it uses until that ends", () => {
    const specs = [spec("lab", { slice: { cpus: { amount: 1000 } } }), spec(REST)];
    const busy = node({ cpus: 4000 }, { used: new Map([["lab", { cpus: 3000 }]]) });
    const accounts = accountsOf(specs, [busy]);
    expect(accounts.get("lab")).toMatchObject({ total: { cpus: 3000 }, used: { cpus: 3000 }, free: {} });
    expect(accounts.get(REST)).toMatchObject({ total: { cpus: 1000 }, free: { cpus: 1000 } });
  });
  test("what runs in a partition that is gone counts in the rest", () => {
    const busy = node({ cpus: 4000 }, { used: new Map([["gone", { cpus: 1000 }]]) });
    expect(accountsOf([spec(REST)], [busy]).get(REST)).toMatchObject({ used: { cpus: 1000 }, free: { cpus: 3000 } });
  });
});

const amount = fc.integer({ min: 0, max: 8000 });
const vector = fc.record({ cpus: amount, mem: amount, gpus: fc.constantFrom(0, 1000, 2000) });
const anySpecs = fc
  .uniqueArray(
    fc.record({
      name: fc.constantFrom("a", "b", "c", "d"),
      nodes: fc.constantFrom([], ["kind = x"], ["kind = y"], ["kind in x, z"]),
      slice: fc.oneof(
        fc.constant(null),
        fc.record({
          cpus: fc.oneof(
            amount.map((n) => ({ amount: n })),
            fc.nat(100).map((n) => ({ percent: n })),
          ),
          gpus: fc.constant({ percent: 50 }),
        }),
      ),
    }),
    { selector: ({ name }) => name, maxLength: 4 },
  )
  .map((drawn) => [...drawn.map(({ name, ...rest }) => spec(name, rest)), spec(REST)]);
const anyNode = fc.record({
  kind: fc.constantFrom("x", "y", "z"),
  capacity: vector,
  up: fc.boolean(),
  used: fc.array(fc.tuple(fc.constantFrom("a", "b", "c", "d", "gone", REST), vector), { maxLength: 3 }),
  stopping: fc.array(fc.tuple(fc.constantFrom("a", REST), vector), { maxLength: 1 }),
});

test("R = Σ Pᵢ and Pᵢ = free + used + offered + reserved + stopping + down, per resource, whatever happens", () => {
  fc.assert(
    fc.property(anySpecs, fc.array(anyNode, { maxLength: 5 }), vector, (specs, drawn, kept) => {
      const nodes = drawn.map(({ kind, capacity, up, used, stopping }) =>
        node(capacity, { attributes: { kind }, up, used: new Map(used), stopping: new Map(stopping) }),
      );
      const accounts = [...accountsOf(specs, nodes).values()];
      for (const account of [...accounts, ...accounts.map((one) => keptIn(one, kept))]) {
        expect(nonZero(partsOf(account))).toEqual(nonZero(account.total));
        for (const part of PARTS) expect(Object.values(account[part]).every((n) => n >= 0)).toBe(true);
      }
      const whole = nodes.reduce((sum: Resources, one) => {
        const taken = [...one.used.values(), ...one.stopping.values()].reduce((all: Resources, r) => add(all, r), {});
        const size: Record<string, number> = {};
        for (const name of ["cpus", "mem", "gpus"]) size[name] = Math.max(one.capacity[name] ?? 0, taken[name] ?? 0);
        return add(sum, size);
      }, {});
      const all = accounts.reduce((sum: Resources, { total }) => add(sum, total), {});
      expect(nonZero(all)).toEqual(nonZero(whole));
    }),
    { numRuns: 500 },
  );
});

test("what is kept is reserved as far as it is free", () => {
  const account = accountsOf([spec(REST)], [node({ cpus: 4, gpus: 1 })]).get(REST) as Account;
  expect(keptIn(account, { cpus: 3, gpus: 2, ports: 1 })).toMatchObject({
    total: account.total,
    free: { cpus: 1, gpus: 0 },
    reserved: { cpus: 3, gpus: 1 },
  });
});

test("a slice has its amount whenever the nodes that are up have it free", () => {
  fc.assert(
    fc.property(fc.array(vector, { minLength: 1, maxLength: 4 }), amount, (capacities, wanted) => {
      const specs = [spec("lab", { slice: { cpus: { amount: wanted } } }), spec(REST)];
      const free =
        accountsOf(
          specs,
          capacities.map((capacity) => node(capacity)),
        ).get("lab")?.free ?? {};
      const whole = capacities.reduce((n, { cpus }) => n + cpus, 0);
      expect(free.cpus ?? 0).toBe(Math.min(wanted, whole));
      expect(free.cpus ?? 0).toBeLessThanOrEqual(whole);
    }),
  );
});

/** What the sums are to give, found node by node: slices in order take what they miss, the whole partition the rest. */
function unusedByPartition(specs: readonly PartitionSpec[], nodes: readonly AccountNode[]) {
  const total = new Map<string, Record<string, number>>(specs.map(({ name }) => [name, {}]));
  const found = new Map(
    specs.map(({ name }) => [name, { free: {}, down: {} } as Record<"free" | "down", Record<string, number>>]),
  );
  const known = (name: string) => (total.has(name) ? name : REST);
  const charge = (sum: Record<string, number> = {}, resource: string, amount: number) => {
    sum[resource] = (sum[resource] ?? 0) + amount;
  };
  for (const { used, reserved, stopping } of nodes)
    for (const [name, amounts] of [...used, ...reserved, ...stopping])
      for (const [resource, amount] of Object.entries(amounts)) charge(total.get(known(name)), resource, amount);
  const whole = (name: string) =>
    nodes
      .filter(({ attributes }) => partitionsOf(specs, attributes).includes(name))
      .reduce((sum: Resources, { capacity }) => add(sum, capacity), {});
  const goals = new Map(specs.map(({ name, slice }) => [name, slice && sliceOf(slice, whole(name))]));
  for (const up of [true, false]) {
    for (const one of nodes.filter((each) => each.up === up)) {
      const left: Record<string, number> = { ...positive(unusedOn(one)) };
      for (const name of partitionsOf(specs, one.attributes)) {
        const goal = goals.get(name);
        for (const [resource, amount] of Object.entries(left)) {
          const missing = goal ? (goal[resource] ?? 0) - (total.get(name)?.[resource] ?? 0) : amount;
          const taken = Math.max(0, Math.min(amount, missing));
          charge(found.get(name)?.[up ? "free" : "down"], resource, taken);
          charge(total.get(name), resource, taken);
          left[resource] = amount - taken;
        }
      }
    }
  }
  return found;
}

const anyNodes = fc
  .array(anyNode, { maxLength: 8 })
  .map((drawn) =>
    drawn.map(({ kind, capacity, up, used, stopping }) =>
      node(capacity, { attributes: { kind }, up, used: new Map(used), stopping: new Map(stopping) }),
    ),
  );

test("slices take from the first nodes that have any left, as if these were asked one after the other", () => {
  fc.assert(
    fc.property(anySpecs, anyNodes, (specs, nodes) => {
      const expected = unusedByPartition(specs, nodes);
      for (const [name, { free, down }] of accountsOf(specs, nodes)) {
        expect(nonZero(free)).toEqual(nonZero(expected.get(name)?.free ?? {}));
        expect(nonZero(down)).toEqual(nonZero(expected.get(name)?.down ?? {}));
      }
    }),
    { numRuns: 500 },
  );
});

test("sums that nodes left and joined are those of the nodes that stayed", () => {
  fc.assert(
    fc.property(anySpecs, anyNodes, anyNodes, (specs, stay, leave) => {
      const counted = (nodes: readonly AccountNode[], from: number) =>
        nodes.map((one, at) => ({
          ...one,
          homes: partitionsOf(specs, one.attributes),
          unused: positive(unusedOn(one)),
          position: from + at,
        }));
      const sums = new AccountSums();
      const gone = counted(leave, stay.length);
      for (const one of [...gone, ...counted(stay, 0)]) sums.count(one, 1);
      for (const one of gone) sums.count(one, -1);
      const expected = accountsOf(specs, stay);
      for (const [name, account] of sums.accounts(specs))
        for (const part of PARTS) expect(nonZero(account[part])).toEqual(nonZero(expected.get(name)?.[part] ?? {}));
    }),
  );
});
