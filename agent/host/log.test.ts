import { expect, test } from "vitest";
import { isJournal } from "./log.ts";

test("stderr is the journal's when it is the very stream that the service manager names", () => {
  expect(isJournal({ JOURNAL_STREAM: "9:4711" }, { dev: 9, ino: 4711 })).toBe(true);
  expect(isJournal({ JOURNAL_STREAM: "9:4711" }, { dev: 12, ino: 5 })).toBe(false);
  expect(isJournal({}, { dev: 9, ino: 4711 })).toBe(false);
});
