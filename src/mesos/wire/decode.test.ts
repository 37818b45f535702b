import fc from "fast-check";
import { expect, test } from "vitest";
import { Call } from "../messages/call.ts";
import { decode } from "./decode.ts";
import {
  bool,
  bytes,
  double,
  enumOf,
  int64,
  mapOf,
  message,
  optional,
  repeated,
  required,
  string,
  uint32,
} from "./schema.ts";

const Inner = message({ value: required(string), count: optional(uint32) });
const Sample = message({
  text: optional(string),
  flag: optional(bool),
  amount: optional(double),
  nanoseconds: optional(int64),
  data: optional(bytes),
  kind: optional(enumOf("A", "B")),
  inner: optional(Inner),
  list: repeated(Inner),
  names: repeated(string),
  table: optional(mapOf(Inner)),
});

const read = (json: unknown) => {
  const decoded = decode(Sample, json);
  if (!decoded.ok) throw new Error(decoded.error);
  return decoded.value;
};
const errorOf = (json: unknown) => {
  const decoded = decode(Sample, json);
  return decoded.ok ? null : decoded.error;
};
const EMPTY = { list: [], names: [] };

test("null is unset, and unknown fields are passed over", () => {
  const json = { text: null, flag: null, inner: null, list: null, names: [null], table: { a: null }, other: {} };
  expect(read(json)).toEqual({ ...EMPTY, table: {} });
});

test("numbers and booleans may be texts, and a double infinite", () => {
  const json = { flag: "true", amount: "Infinity", nanoseconds: "3000000000", inner: { value: "v", count: "7" } };
  expect(read(json)).toEqual({
    ...EMPTY,
    flag: true,
    amount: Number.POSITIVE_INFINITY,
    nanoseconds: 3e9,
    inner: { value: "v", count: 7 },
  });
  expect(errorOf({ nanoseconds: "Infinity" })).toContain("Failed to parse 'Infinity' as a JSON number");
  expect(errorOf({ flag: "yes" })).toContain("Failed to parse 'yes' as a JSON boolean for field 'flag'");
});

test("one value stands for a list of one", () => {
  expect(read({ list: { value: "a" }, names: "n" })).toEqual({ list: [{ value: "a" }], names: ["n"] });
  expect(errorOf({ inner: [{ value: "a" }] })).toBe("Not expecting a JSON array for field 'inner'");
});

test("a name that an enum has not is unset, or wrong where one is required", () => {
  expect(read({ kind: "C" })).toEqual(EMPTY);
  const decoded = decode(message({ kind: required(enumOf("A")) }), { kind: "C" });
  expect(decoded).toEqual({ ok: false, error: "Failed to find enum for 'C'" });
});

test("64-bit numbers beyond 2^53 are read, those beyond their type end at it", () => {
  expect(read({ nanoseconds: "9223372036854775807" }).nanoseconds).toBe(2 ** 63);
  expect(read({ nanoseconds: 1e300 }).nanoseconds).toBe(2 ** 63);
  expect(read({ inner: { value: "", count: -1.5 } }).inner?.count).toBe(0);
});

test("bytes are base64, with spaces and without padding", () => {
  expect(read({ data: "aG\nk" }).data).toEqual(new TextEncoder().encode("hi"));
  expect(errorOf({ data: "a-b" })).toBe("Failed to base64 decode bytes field 'data': Invalid character '-'");
});

test("a value of the wrong kind is named with its field", () => {
  expect(errorOf([])).toBe("Expecting a JSON object");
  expect(errorOf({ flag: 1 })).toBe("Not expecting a JSON number for field 'flag'");
  expect(errorOf({ text: {} })).toBe("Not expecting a JSON object for field 'text'");
  expect(errorOf({ inner: "x" })).toBe("Not expecting a JSON string for field 'inner'");
  expect(errorOf({ text: true })).toBe("Not expecting a JSON boolean for field 'text'");
});

test("required fields that are missing are named by their paths, all of them", () => {
  const json = { inner: {}, list: [{ value: "a" }, {}], table: { k: {} } };
  expect(errorOf(json)).toBe("Missing required fields: inner.value, list[1].value, table[k].value");
  expect(decode(Call, { type: "SUBSCRIBE", subscribe: { framework_info: { name: "f" } } })).toEqual({
    ok: false,
    error: "Missing required fields: subscribe.framework_info.user",
  });
});

test("keys of maps are never the object's own kin", () => {
  const { table } = read(JSON.parse('{"table":{"__proto__":{"value":"x"}}}'));
  expect(Object.keys(table ?? {})).toEqual(["__proto__"]);
  expect(read({ table: {} }).table).toEqual({});
  expect(errorOf(JSON.parse('{"__proto__":{"text":5}}'))).toBeNull();
});

test("deep nesting is wrong, not fatal", () => {
  const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
  expect(errorOf(JSON.parse(`{"names":${deep}}`))).toBe("Not expecting a JSON array for field 'names'");
});

/** Anything, and often under names that a message has. */
const name = fc.constantFrom(
  "type",
  "framework_id",
  "value",
  "subscribe",
  "framework_info",
  "accept",
  "operations",
  "launch",
  "task_infos",
  "resources",
  "scalar",
  "uuid",
  "acknowledge",
  "offer_constraints",
  "role_constraints",
  "__proto__",
  "constructor",
);
const { json } = fc.letrec((tie) => ({
  json: fc.oneof({ depthSize: "small" }, fc.jsonValue(), fc.dictionary(name, tie("json"), { maxKeys: 5 })),
}));

test("whatever comes is a value or one error of one line, never a fault", () => {
  fc.assert(
    fc.property(json, (anything) => {
      const decoded = decode(Call, anything);
      if (decoded.ok) expect(typeof decoded.value).toBe("object");
      else expect(decoded.error).toMatch(/^(Expecting|Not expecting|Missing|Failed)/);
    }),
    { numRuns: 2000 },
  );
});
