import { expect, test } from "vitest";
import { checkBinds } from "./binds.ts";

const MIB = 2 ** 20;

test.each([
  [null],
  [0],
  [-0.5],
  [Number.MAX_SAFE_INTEGER],
  ["text"],
  ["é".repeat(MIB - 50_000)],
  [new Uint8Array(MIB)],
])("a value that every SQLite binds alike passes", (value) => {
  expect(() => checkBinds([value])).not.toThrow();
});

test.each([
  [true, "boolean"],
  [undefined, "undefined"],
  [1n, "bigint"],
  [{}, "object"],
  [Number.NaN, "NaN"],
  [Number.POSITIVE_INFINITY, "Infinity"],
  [2 ** 53, "safe integer"],
  ["x".repeat(2_000_001), "2 MB"],
  ["é".repeat(MIB), "2 MB"],
  [new Uint8Array(2_000_001), "2 MB"],
])("a value that one of them would refuse or change does not", (value, message) => {
  expect(() => checkBinds([1, value])).toThrow(`bind 2`);
  expect(() => checkBinds([1, value])).toThrow(message);
});

test("a statement takes 100 binds", () => {
  expect(() => checkBinds(new Array(100).fill(1))).not.toThrow();
  expect(() => checkBinds(new Array(101).fill(1))).toThrow("101 binds");
});
