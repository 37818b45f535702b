import fc from "fast-check";
import { expect, test } from "vitest";
import { jobSpecSchema } from "../model/job.ts";
import { editDistance, nearest } from "../model/nearest.ts";
import { pollRequestSchema } from "../protocol/agent.ts";
import { fieldErrors } from "./fields.ts";
import { errorIn } from "./jsonPosition.ts";

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

test("any JSON has no error, and one cut short has it at its end", () => {
  fc.assert(
    fc.property(fc.json(), fc.nat(3), (text, indent) => {
      const shown = JSON.stringify(JSON.parse(text), null, indent);
      expect(errorIn(shown)).toBe(null);
      expect(errorIn(`[${shown}`)).toMatchObject({ offset: shown.length + 1 });
    }),
  );
});

test("whatever the runtime refuses as JSON, this refuses, and nothing else", () => {
  const parses = (text: string) => {
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false;
    }
  };
  const almost = fc
    .array(fc.constantFrom("{", "}", "[", "]", ",", ":", '"a"', "1", "-", "true", " ", '"', "\\", "\n"))
    .map((parts) => parts.join(""));
  fc.assert(
    fc.property(almost, (text) => {
      expect(errorIn(text) === null).toBe(parses(text));
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ['{"a": x}', 1, 7],
  ['{\n  "a": 1,\n}', 3, 1],
  ['{"a" 1}', 1, 6],
  ["[1 2]", 1, 4],
  ["", 1, 1],
  ["{} {}", 1, 4],
  ["{'a': 1}", 1, 2],
])("the place of the error in %j is line %i, column %i", (text, line, column) => {
  expect(errorIn(text)).toMatchObject({ line, column });
});
