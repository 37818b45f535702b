import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { JournalRecord } from "../../core/types.ts";
import { attemptOf } from "../process/attempt.fixture.ts";
import { Journal } from "./journal.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hansa-journal-"));
  path = join(folder, "journal");
});
afterEach(() => rmSync(folder, { recursive: true }));

const session: JournalRecord = { type: "session", session: 1, boot: "b" };
const accept = (epoch: number): JournalRecord => {
  const { key, task, item, template, boot } = attemptOf({}, { epoch });
  return { type: "accept", key, task, epoch, item, template, boot };
};
const forget = (epoch: number): JournalRecord => ({ type: "forget", key: `7k2m.0@${epoch}` });

test("a new journal is empty and nobody else's to read", () => {
  expect(Journal.open(path)).toMatchObject({ records: [], damagedLines: 0 });
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("what was appended is there after a new start, behind a torn line too", async () => {
  const { journal } = Journal.open(path);
  await journal.append([session, accept(1)]);
  journal.close();
  appendFileSync(path, '1234abcd {"type":"sess');
  const second = Journal.open(path);
  expect(second.records).toEqual([session, accept(1)]);
  await second.journal.append([accept(2)]);
  second.journal.close();
  expect(Journal.open(path).records).toEqual([session, accept(1), accept(2)]);
});

test("a journal that has grown is rewritten with what is alive, while it is being written to", async () => {
  const { journal } = Journal.open(path, 4096);
  await journal.append([session]);
  const kept = accept(1_000_000);
  await journal.append([kept]);
  for (let i = 0; i < 50; i++) await Promise.all([journal.append([accept(i)]), journal.append([forget(i)])]);
  expect(journal.bytes).toBeLessThan(8192);
  expect(readFileSync(path).length).toBe(journal.bytes);
  journal.close();
  const { records } = Journal.open(path, 1_000_000);
  expect(records).toContainEqual(session);
  expect(records).toContainEqual(kept);
});
