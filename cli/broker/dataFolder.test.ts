import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import {
  createFolders,
  type DataFolder,
  dataFolder,
  ensureSecret,
  hold,
  readGeneration,
  readSecret,
} from "./dataFolder.ts";

let data: DataFolder;
beforeEach(() => {
  data = dataFolder(mkdtempSync(join(tmpdir(), "hansa-data-")));
  createFolders(data);
});
afterEach(() => rmSync(data.root, { recursive: true, force: true }));

it("the secret is made once and is for its owner alone", () => {
  const secret = ensureSecret(data.secret);
  expect(secret.length).toBeGreaterThanOrEqual(32);
  expect(ensureSecret(data.secret)).toBe(secret);
  expect(statSync(data.secret).mode & 0o777).toBe(0o600);
});

it("a secret that is too short is refused", () => {
  writeFileSync(data.secret, "short\n");
  expect(() => readSecret(data.secret)).toThrow(/at least 32 characters/);
});

it("a folder is held by one, and the next is told by whom", () => {
  const first = hold(data);
  first.note({ pid: 4711, command: "start", url: "http://127.0.0.1:8787", children: [] });
  expect(() => hold(data)).toThrow(/hansa start, process 4711, http:\/\/127\.0\.0\.1:8787/);
  first.release();
  const second = hold(data);
  expect(second.before).toBeNull();
  second.release();
});

it("the generation is 0 until a restore and no less than a number after it", () => {
  expect(readGeneration(data)).toBe(0);
  writeFileSync(data.generation, "17\n");
  expect(readGeneration(data)).toBe(17);
  writeFileSync(data.generation, "seventeen\n");
  expect(() => readGeneration(data)).toThrow(/no number/);
});
