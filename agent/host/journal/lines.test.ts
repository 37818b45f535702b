import fc from "fast-check";
import { expect, test } from "vitest";
import type { JournalRecord } from "../../core/types.ts";
import { attemptOf } from "../process/attempt.fixture.ts";
import { encodeLine, LiveLines, replay } from "./lines.ts";

const session = (n: number): JournalRecord => ({ type: "session", session: n, boot: "b" });
const accept = (epoch: number): JournalRecord => {
  const { key, task, item, template, boot } = attemptOf({}, { epoch });
  return { type: "accept", key, task, epoch, item, template, boot };
};
const end = (epoch: number): JournalRecord => ({
  type: "end",
  key: `7k2m.0@${epoch}`,
  update: { uuid: `7k2m.0@${epoch}:end`, task: "7k2m.0", epoch, state: "succeeded" },
});
const forget = (epoch: number): JournalRecord => ({ type: "forget", key: `7k2m.0@${epoch}` });
const record = fc.oneof(fc.nat(9).map(session), fc.nat(3).map(accept), fc.nat(3).map(end), fc.nat(3).map(forget));

test("what is written is what is read", () => {
  fc.assert(
    fc.property(fc.array(record), (records) => {
      const text = Buffer.from(records.map(encodeLine).join(""));
      expect(replay(text)).toEqual({ records, validBytes: text.length, damagedLines: 0 });
    }),
  );
});

test("a journal cut anywhere gives the whole lines in front of the cut, and says where to go on", () => {
  const records = [session(1), accept(1), end(1), forget(1)];
  const lines = records.map(encodeLine);
  const text = Buffer.from(lines.join(""));
  for (let cut = 0; cut <= text.length; cut++) {
    const read = replay(text.subarray(0, cut));
    expect(read.records).toEqual(records.slice(0, read.records.length));
    expect(read.validBytes).toBe(lines.slice(0, read.records.length).join("").length);
    expect(read.damagedLines).toBe(0);
  }
});

test("a rotten line in the middle is left out and counted, and one at the end is a torn one", () => {
  const [first, second, third] = [session(1), accept(1), session(2)].map(encodeLine);
  const rotten = (second ?? "").replace("7k2m", "7k3m");
  expect(replay(Buffer.from(`${first}${rotten}${third}`))).toMatchObject({
    records: [session(1), session(2)],
    damagedLines: 1,
  });
  expect(replay(Buffer.from(`${first}${rotten}`))).toMatchObject({ records: [session(1)], damagedLines: 0 });
});

test("the live lines of any history mean what the history means", () => {
  const meaning = (records: JournalRecord[]) => {
    const state = new Map<string, string[]>();
    let newest: JournalRecord | null = null;
    for (const one of records) {
      if (one.type === "session") newest = one;
      else if (one.type === "accept") state.set(one.key, ["accept"]);
      else if (one.type === "end") state.get(one.key)?.push("end");
      else state.delete(one.key);
    }
    return { newest, attempts: [...state].sort().map(([key, types]) => [key, new Set(types)]) };
  };
  fc.assert(
    fc.property(fc.array(record, { maxLength: 40 }), (records) => {
      const live = new LiveLines();
      for (const one of records) live.apply(one, encodeLine(one));
      const text = live.text();
      expect(live.length).toBe(text.length);
      expect(meaning(replay(Buffer.from(text)).records)).toEqual(meaning(records));
    }),
  );
});
