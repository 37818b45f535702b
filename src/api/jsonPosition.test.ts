import fc from "fast-check";
import { expect, test } from "vitest";
import { errorIn } from "./jsonPosition.ts";

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
