/** Leagues of all kinds: what they have, what is promised in them, what waits and what runs. */
import fc from "fast-check";
import { OBJECTIVES } from "../model/league.ts";
import type { RolePolicy } from "../model/role.ts";
import type { RoundInput, RoundJob, RoundPartition } from "./input.ts";
import { job, league, partition } from "./round.fixture.ts";

const ROLES = ["a", "b", "c", "a/x", "a/y"];
const maybe = <T>(value: fc.Arbitrary<T>, freq = 2) => fc.option(value, { nil: undefined, freq });
const present = (amounts: Record<string, number | undefined>) =>
  Object.fromEntries(Object.entries(amounts).flatMap(([name, n]) => (n === undefined ? [] : [[name, n]])));
const anyAmounts = (max: number) => fc.record({ cpus: maybe(fc.nat(max), 1), mem: maybe(fc.nat(max), 1) }).map(present);
const anyDemand = fc.record({ cpus: fc.integer({ min: 1, max: 8 }), mem: fc.integer({ min: 0, max: 8 }) });

const anyPolicy = fc.record({
  weight: fc.constantFrom(1, 1, 2, 0.5),
  guarantee: anyAmounts(20),
  limit: fc.oneof(fc.constant({}), anyAmounts(40)),
  lend: fc.oneof(fc.constant({}), anyAmounts(10)),
  borrow: fc.oneof(fc.constant({}), anyAmounts(20)),
});
const anyRoles = (names: string[]): fc.Arbitrary<Record<string, RolePolicy>> =>
  fc.array(fc.tuple(fc.constantFrom(...names), anyPolicy), { maxLength: 4 }).map(Object.fromEntries);
const anyPartition = (cluster: string, owners: (string | null)[]) =>
  fc
    .record({
      nodes: fc.array(fc.record({ cpus: fc.integer({ min: 0, max: 20 }), mem: fc.integer({ min: 0, max: 20 }) }), {
        minLength: 1,
        maxLength: 3,
      }),
      owner: fc.constantFrom(...owners),
      lendable: fc.oneof(fc.constant({}), anyAmounts(20)),
      slice: fc.integer({ min: 50, max: 100 }),
      price: fc.integer({ min: 1, max: 3 }),
      speed: fc.integer({ min: 1, max: 3 }),
    })
    .map(({ nodes, owner, lendable, slice, price, speed }): RoundPartition => {
      const usable = {
        cpus: Math.floor((nodes.reduce((sum, { cpus }) => sum + cpus, 0) * slice) / 100),
        mem: Math.floor((nodes.reduce((sum, { mem }) => sum + mem, 0) * slice) / 100),
      };
      const shapes = nodes.map((capacity) => ({ count: 1, capacity, attributes: {}, drivers: ["process"] }));
      return partition(cluster, usable, { owner, lendable, price, speed, shapes });
    });
const anyJob = fc.record({
  unit: fc.constantFrom(1, 1, 1, 2, 3),
  apart: fc.constantFrom<string[]>([], [], [], ["node"]),
  task: anyDemand,
  remaining: fc.nat(20),
  role: fc.constantFrom(...ROLES),
  priority: fc.constantFrom(50, 50, 20, 80),
  clusters: maybe(fc.subarray(["north", "south", "west"], { minLength: 1 }), 3),
  charged: fc.dictionary(fc.constantFrom("north", "south", "west", "gone"), fc.nat(6), { maxKeys: 2 }),
  barred: maybe(fc.constantFrom("north", "south"), 5),
  planned: maybe(fc.dictionary(fc.constantFrom("north", "south", "west"), fc.nat(6), { maxKeys: 2 }), 3),
});
export const anyLeague = (
  given: { roles?: string[]; owners?: (string | null)[]; isIdle?: boolean } = {},
): fc.Arbitrary<RoundInput> =>
  fc
    .record({
      partitions: fc.tuple(
        ...["north", "south", "west"].map((name) => anyPartition(name, given.owners ?? [null, "a", "b", "a/x"])),
      ),
      roles: anyRoles(given.roles ?? ROLES),
      jobs: fc.array(anyJob, { minLength: 1, maxLength: 7 }),
      history: fc.dictionary(fc.constantFrom(...ROLES), anyAmounts(10), { maxKeys: 2 }),
      objective: fc.constantFrom(...OBJECTIVES),
    })
    .map(({ partitions, roles, jobs, history, objective }) => {
      const made = jobs.map(
        ({ unit, apart, task, remaining, role, priority, clusters, charged, barred }, i): RoundJob => {
          // A gang is about as large as a task: what others leave, or may be made free, has room for it as often.
          const demand = { cpus: unit * Math.ceil(task.cpus / unit), mem: unit * Math.ceil(task.mem / unit) };
          const held = new Map(
            Object.entries(given.isIdle ? {} : charged).map(([cluster, n]) => [
              `${cluster}/default`,
              { charged: n, barred: false },
            ]),
          );
          if (barred !== undefined)
            held.set(`${barred}/default`, { charged: held.get(`${barred}/default`)?.charged ?? 0, barred: true });
          return job(`j${i}`, demand, remaining, { unit, apart, role, priority, clusters: clusters ?? null, held });
        },
      );
      const plan = new Map(
        jobs.flatMap(({ planned }, i) =>
          planned ? [[`j${i}`, new Map(Object.entries(planned).map(([c, n]) => [`${c}/default`, n]))] as const] : [],
        ),
      );
      return league(partitions, made, roles, { history: new Map(Object.entries(history)), plan, objective });
    });
