import fc from "fast-check";
import { expect, test } from "vitest";
import { RESOURCE_NAME } from "../../model/resources.ts";
import { formatOf, resourcesJson } from "../events/offeredResources.ts";
import { cpus, ports, scalar, taskOf } from "../fixture/decoded.ts";
import { readPieces } from "./resources.ts";

const read = (...resources: object[]) => readPieces(taskOf({ resources }).resources);
const NULLS = { ranges: null, set: null, role: null, reservation: null, disk: null, revocable: null };

test("scalars are milli-units of three decimals, ports count one each, and nothing of something is nothing", () => {
  const found = read(
    cpus(0.1, NULLS),
    cpus(0.2004),
    scalar("mem", 64),
    scalar("disk", 0),
    ports([31002, 31003], [80, 80]),
  );
  expect(found).toEqual({
    pieces: [
      {
        reservation: null,
        amounts: { cpus: 300, mem: 64_000, ports: 3000 },
        ports: [
          [80, 80],
          [31002, 31003],
        ],
      },
    ],
    error: null,
  });
});

test("PrePostReservationRefinement: each reservation is a piece, in either format", () => {
  const labels = { labels: [{ key: "k" }] };
  const { pieces } = read(
    cpus(1, { role: "*" }),
    cpus(2, { role: "r", reservation: { principal: "p", labels } }),
    scalar("mem", 1, { reservations: [{ type: "DYNAMIC", role: "r", principal: "p", labels }] }),
  );
  expect(pieces).toEqual([
    { reservation: null, amounts: { cpus: 1000 }, ports: [] },
    {
      reservation: { role: "r", principal: "p", labels: [{ key: "k", value: null }] },
      amounts: { cpus: 2000, mem: 1000 },
      ports: [],
    },
  ]);
});

test("46 what no resource can be is told as Mesos tells it", () => {
  const errorOf = (resource: object) => read(resource).error;
  expect(errorOf(cpus(-1))).toBe(
    "Invalid resources: Resource 'cpus:-1' is invalid: Invalid scalar resource: value < 0",
  );
  expect(errorOf({ name: "cpus", type: "SCALAR" })).toContain("Invalid scalar resource");
  expect(errorOf(ports([5, 4]))).toContain("Invalid ranges resource: begin > end");
  expect(errorOf(ports([1, 5], [5, 9]))).toContain("Invalid ranges resource: overlapping ranges");
  expect(errorOf(ports([1, 65_536]))).toContain("ports end at 65535");
  expect(errorOf(scalar("gpus", 0.5))).toContain("The 'gpus' resource must be an unsigned integer");
  expect(errorOf(cpus(1, { role: "*", reservation: {} }))).toContain('role "*" cannot be dynamically reserved');
  expect(errorOf(cpus(1, { reservations: [{ type: "DYNAMIC" }] }))).toContain("field must be set.");
  expect(errorOf(scalar("CPUS", 1))).toContain("lower-case letters");
  for (const part of ["disk", "revocable", "shared"])
    expect(errorOf(cpus(1, { [part]: {} })), part).toContain("not served");
});

test("ports that two resources of a list share are refused", () => {
  expect(read(ports([1, 5]), ports([5, 9])).error).toContain("overlapping ranges");
});

test("pieces that are offered are read back the same, in each format", () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9_.-]{0,9}$/).filter((text) => RESOURCE_NAME.test(text));
  const amounts = fc
    .dictionary(name, fc.integer({ min: 1, max: 2 ** 43 }), { minKeys: 1 })
    .map(({ ports: _, gpus: __, ...rest }) => ({ cpus: 1, ...rest }));
  const reservation = fc.record({
    role: fc.constantFrom("a", "a/b"),
    principal: fc.option(fc.string()),
    labels: fc.array(fc.record({ key: fc.string(), value: fc.option(fc.string()) })),
  });
  const format = fc.record({ hasManyRoles: fc.boolean(), hasRefinedReservations: fc.boolean() });
  fc.assert(
    fc.property(amounts, fc.option(reservation), format, (some, reserved, form) => {
      const piece = { reservation: reserved, amounts: { ...some, ports: 2000 }, ports: [[7, 8]] as const };
      expect(read(...resourcesJson([piece], "a", form))).toEqual({ pieces: [piece], error: null });
    }),
  );
});

test("capabilities decide the format", () => {
  expect(formatOf([])).toEqual({ hasManyRoles: false, hasRefinedReservations: false });
  expect(formatOf(["MULTI_ROLE", "RESERVATION_REFINEMENT"])).toEqual({
    hasManyRoles: true,
    hasRefinedReservations: true,
  });
});

test("a list as long as a call can be is read in time", () => {
  const many = Array.from({ length: 50_000 }, (_, n) => scalar(`r${n}`, 1));
  const { pieces, error } = read(...many, ...Array.from({ length: 30_000 }, (_, n) => ports([2 * n, 2 * n])));
  expect([error, Object.keys(pieces[0]?.amounts ?? {}).length, pieces[0]?.ports.length]).toEqual([
    null,
    50_001,
    30_000,
  ]);
}, 5_000);
