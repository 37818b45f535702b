import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { uptimeMs } from "../clock.ts";
import { holderOf, releaseLock, takeLock } from "./lock.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hansa-lock-"));
  path = join(folder, "lock");
});
afterEach(() => rmSync(folder, { recursive: true }));

test("a free lock is taken, held and given back", () => {
  expect(takeLock(path, "b")).toBeNull();
  expect(holderOf(path, "b")).toMatchObject({ pid: process.pid });
  releaseLock(path, "b");
  expect(existsSync(path)).toBe(false);
});

test("a lock that a living process holds is not taken, and nothing is left of the try", () => {
  expect(takeLock(path, "b")).toBeNull();
  expect(takeLock(path, "b", process.pid + 1)).toMatchObject({ pid: process.pid });
  expect(readdirSync(folder)).toEqual(["lock"]);
});

test("a lock of a process that died is taken over", async () => {
  const child = spawn("true");
  await once(child, "exit");
  writeFileSync(path, `${child.pid} ${uptimeMs()} b\n`);
  expect(takeLock(path, "b")).toBeNull();
  expect(holderOf(path, "b")).toMatchObject({ pid: process.pid });
});

test("a lock of another boot, and one whose number another process has now, hold nothing", () => {
  writeFileSync(path, `${process.pid} ${uptimeMs()} a\n`);
  expect(holderOf(path, "b")).toBeNull();
  writeFileSync(path, `${process.pid} 1 b\n`);
  expect(holderOf(path, "b")).toBeNull();
  expect(takeLock(path, "b")).toBeNull();
});
