import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { machineId } from "./machineId.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hansa-machine-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const board = (serial: string) => (path: string) => (path.endsWith("product_uuid") ? serial : null);

test("stays as it is, and is another on another machine and for another folder", async () => {
  const id = await machineId(folder, board("one\n"));
  expect(id).toMatch(/^[0-9a-f]{32}$/);
  expect(await machineId(folder, board("one\n"))).toBe(id);
  expect(await machineId(folder, board("two\n"))).not.toBe(id);
  mkdirSync(join(folder, "copy"));
  expect(await machineId(join(folder, "copy"), board("one\n"))).not.toBe(id);
});

test("is unknown where nothing tells machines apart", async () => {
  expect(await machineId(folder, () => null)).toBeNull();
});
