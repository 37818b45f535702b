import fc from "fast-check";
import { expect, test } from "vitest";
import { record } from "./recordIo.ts";

/** A reader as the format is defined: bytes, cut anywhere. */
function read(bytes: Buffer): unknown[] {
  const events: unknown[] = [];
  let at = 0;
  while (at < bytes.length) {
    const feed = bytes.indexOf(10, at);
    const end = feed + 1 + Number(bytes.subarray(at, feed).toString());
    events.push(JSON.parse(bytes.subarray(feed + 1, end).toString()));
    at = end;
  }
  return events;
}

test("a record is its length, a line feed and JSON", () => {
  expect(record({ type: "HEARTBEAT" })).toBe('20\n{"type":"HEARTBEAT"}');
});

test("a length is that of the bytes and of the text alike, and the text has no line feed", () => {
  expect(record("ä\n€😀")).toBe('28\n"\\u00e4\\n\\u20ac\\ud83d\\ude00"');
  fc.assert(
    fc.property(fc.jsonValue(), (event) => {
      const [length, json, ...more] = record(event).split("\n");
      expect(more).toEqual([]);
      expect(Number(length)).toBe(json?.length);
      expect(Number(length)).toBe(Buffer.byteLength(json ?? ""));
    }),
  );
});

test("records one after the other are read back as they were", () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), (events) => {
      const bytes = Buffer.from(events.map(record).join(""));
      expect(read(bytes)).toEqual(events.map((event) => JSON.parse(JSON.stringify(event))));
    }),
  );
});
