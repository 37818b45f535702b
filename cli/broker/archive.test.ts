import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, it } from "vitest";
import { backup, nextGeneration, restore } from "./archive.ts";
import { createFolders, type DataFolder, dataFolder, ensureSecret, readGeneration } from "./dataFolder.ts";

let root: string;
let data: DataFolder;
let to: string;
/** as workerd keeps one: open, in WAL mode, rows not yet in the main file */
let live: DatabaseSync;
const DATABASE = "objects/hansa-broker/0f.sqlite";

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "hansa-backup-"));
  data = dataFolder(join(root, "data"));
  to = join(root, "b.tar");
  createFolders(data);
  mkdirSync(join(data.objects, "hansa-broker"));
  live = new DatabaseSync(join(data.root, DATABASE));
  live.exec("PRAGMA journal_mode = WAL; CREATE TABLE jobs (id TEXT)");
  live.exec("INSERT INTO jobs VALUES ('7k2m')");
});
afterEach(() => {
  live.close();
  rmSync(root, { recursive: true, force: true });
});

const jobsIn = (folder: DataFolder) => {
  const database = new DatabaseSync(join(folder.root, DATABASE), { readOnly: true });
  const rows = database.prepare("SELECT id FROM jobs").all();
  database.close();
  return rows.map((row) => row.id);
};

it("a backup taken while the database is open holds what was committed, and the secret", async () => {
  const secret = ensureSecret(data.secret);
  live.exec("BEGIN IMMEDIATE; INSERT INTO jobs VALUES ('not yet')");
  expect(await backup(data, to)).toEqual({ objects: 1, withSecret: true });
  live.exec("COMMIT");
  const fresh = dataFolder(join(root, "fresh"));
  await restore(fresh, to);
  expect(jobsIn(fresh)).toEqual(["7k2m"]);
  expect(readFileSync(fresh.secret, "utf8").trim()).toBe(secret);
  expect(statSync(fresh.secret).mode & 0o777).toBe(0o600);
  expect(statSync(to).mode & 0o777).toBe(0o600);
});

it("restoring raises the generation past every earlier one", async () => {
  writeFileSync(data.generation, "5\n");
  await backup(data, to);
  const fresh = dataFolder(join(root, "fresh"));
  const { generation } = await restore(fresh, to);
  expect(generation).toBeGreaterThan(5);
  expect(readGeneration(fresh)).toBe(generation);
  expect(nextGeneration(100, 5000)).toBe(101);
});

it("neither a file nor a folder that is there is written over", async () => {
  await backup(data, to);
  await expect(backup(data, to)).rejects.toThrow(/there already/);
  await expect(restore(data, to)).rejects.toThrow(/not empty/);
});

it("a damaged or foreign file restores nothing", async () => {
  await backup(data, to);
  const bytes = readFileSync(to);
  const at = bytes.indexOf("7k2m");
  bytes.write("XXXX", at);
  writeFileSync(to, bytes);
  const fresh = dataFolder(join(root, "fresh"));
  await expect(restore(fresh, to)).rejects.toThrow(/damaged/);
  writeFileSync(to, "no tar");
  await expect(restore(fresh, to)).rejects.toThrow(/tar failed/);
  expect(readdirSync(root).sort()).toEqual(["b.tar", "data"]);
});
