import { expect, test } from "vitest";
import type { AgentEffect, JournalRecord } from "../core/types.ts";
import { Errands } from "./errands.ts";

const forget: JournalRecord = { type: "forget", key: "a" };
const session = (n: number): JournalRecord => ({ type: "session", session: n, boot: "b" });
const journal = (...records: JournalRecord[]): AgentEffect => ({ type: "journal", records });
const send = (seq: number): AgentEffect => ({
  type: "send",
  request: { session: 1, nonce: "n", seq, boot: "b", running: [], updates: [], pressure: [] },
  waitS: 0,
});
const stop: AgentEffect = { type: "stop", key: "a", graceMs: 1 };

function all(errands: Errands): unknown[] {
  const done = [];
  for (let errand = errands.next(); errand; errand = errands.next()) done.push(errand);
  return done;
}

test("what follows records comes after them, and one write takes all that wait", () => {
  const errands = new Errands([journal(session(1)), stop]);
  errands.add([journal(session(2)), send(1)]);
  expect(all(errands)).toEqual([{ type: "write", records: [session(1), session(2)] }, stop, send(1)]);
});

test("no record is written early that lets output be swept away", () => {
  const errands = new Errands([journal(forget), stop, journal(session(1), forget)]);
  expect(all(errands)).toEqual([{ type: "write", records: [session(1)] }, stop]);
});

test("of polls that wait only the newest is sent", () => {
  const errands = new Errands([send(1), stop, send(2)]);
  expect(all(errands)).toEqual([stop, send(2)]);
});
