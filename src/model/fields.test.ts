import fc from "fast-check";
import { expect, test } from "vitest";
import { pollRequestSchema } from "../protocol/agent.ts";
import { fieldErrors } from "./fields.ts";
import { jobSpecSchema } from "./job.ts";
import { editDistance, nearest } from "./nearest.ts";

const errorsOf = (spec: object) => {
  const { error } = jobSpecSchema.safeParse(spec);
  return error ? fieldErrors(error.issues, jobSpecSchema) : [];
};

test("an unknown field is named, with the one that was meant", () => {
  expect(errorsOf({ comand: "x", command: "x" })).toEqual([
    { field: "comand", message: "unknown", didYouMean: "command" },
  ]);
  expect(errorsOf({ command: "x", retry: { maximum: 1 } })[0]).toMatchObject({ field: "retry.maximum" });
  expect(errorsOf({ command: "x", retry: { mx: 1 } })[0]).toMatchObject({ field: "retry.mx", didYouMean: "max" });
});

test("a field unlike any other gets no hint, but the list", () => {
  expect(errorsOf({ command: "x", retry: { zzzzzz: 1 } })).toEqual([
    { field: "retry.zzzzzz", message: "unknown; there are max, backoff" },
  ]);
});

test("inside a union the option is told that was meant", () => {
  expect(errorsOf({ command: "x", disconnect: { stop_after: "10m" } })).toEqual([
    { field: "disconnect.stop_after", message: "unknown", didYouMean: "stopAfter" },
  ]);
  expect(errorsOf({ command: "x", disconnect: { stopAfter: "1s" } })[0]).toMatchObject({
    field: "disconnect.stopAfter",
    message: expect.stringContaining("out of range"),
  });
  expect(errorsOf({ command: 5 })[0]).toMatchObject({ field: "command" });
});

test("wrong types, absurd numbers and wrong items are named by their place", () => {
  expect(errorsOf({ command: "x", count: 1e9 })[0]?.field).toBe("count");
  expect(errorsOf({ command: "x", count: "4" })[0]).toMatchObject({ field: "count" });
  expect(errorsOf({ command: "x", constraints: ["arch = x64", "nonsense"] })[0]?.field).toBe("constraints[1]");
  expect(errorsOf({ command: "x", resources: { mem: "128 parsecs" } })[0]?.field).toBe("resources.mem");
});

test("a name that can be none is told with what one is like", () => {
  expect(errorsOf({ command: "x", env: { "not a name": "1" } })).toEqual([
    { field: "env.not a name", message: "an environment name" },
  ]);
  expect(errorsOf({ command: "x", resources: { CPUS: 1 } })[0]?.message).toContain("a resource name is like cpus");
});

test("a body wrong in a thousand places is answered with a few", () => {
  const { error } = pollRequestSchema.safeParse({ running: new Array(1000).fill(5) });
  expect(error && fieldErrors(error.issues, pollRequestSchema).length).toBe(20);
});

test("the nearest name is near", () => {
  expect(nearest("Stop_After", ["stopAfter", "lostAfter"])).toBe("stopAfter");
  expect(nearest("nmae", ["name", "count"])).toBe("name");
  expect(nearest("xyz", ["name", "count"])).toBe(null);
});

test("edit distance is zero for the same and symmetric", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 8 }), fc.string({ maxLength: 8 }), (a, b) => {
      expect(editDistance(a, a)).toBe(0);
      expect(editDistance(a, b)).toBe(editDistance(b, a));
      expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
    }),
  );
});
