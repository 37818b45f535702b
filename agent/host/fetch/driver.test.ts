/** Between fetching and the driver behind: what is asked for meanwhile, and what time is left then. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Attempt, Found } from "../../core/types.ts";
import { uptimeMs } from "../clock.ts";
import type { Driver } from "../driver.ts";
import { Ear } from "../ear.fixture.ts";
import { attemptOf } from "../process/attempt.fixture.ts";
import { taskUser } from "../process/user.ts";
import { FetchingDriver } from "./driver.ts";

const KEY = "7k2m.0@1";
let root: string;
let tasks: string;
let ear: Ear;
let drivers: FetchingDriver[];
beforeEach(() => {
  drivers = [];
  root = mkdtempSync(join(tmpdir(), "hansa-fetching-"));
  chmodSync(root, 0o711);
  tasks = join(root, "tasks");
  mkdirSync(tasks);
  writeFileSync(join(root, "file"), "x");
  chmodSync(join(root, "file"), 0o644);
  ear = new Ear();
});
afterEach(async () => {
  for (const driver of drivers) await driver.close();
  rmSync(root, { recursive: true });
});

const wanting = (deadlineMs: number | null): Attempt =>
  attemptOf(
    { uris: [{ value: join(root, "file"), executable: false, extract: false, outputFile: null }] },
    { deadlineMs },
  );

/** A driver that notes what it is asked. */
class Behind implements Driver {
  readonly starts: { attempt: Attempt; files: string[] }[] = [];
  readonly others: string[] = [];
  found: Found = { is: "never-started" };
  readonly started = Promise.withResolvers<void>();
  start(attempt: Attempt, work?: string): void {
    this.starts.push({ attempt, files: work === undefined ? [] : readdirSync(work) });
    this.started.resolve();
  }
  async probe() {
    return { healthy: true, detail: "", limits: [] };
  }
  warmUp(): void {}
  async recover(): Promise<Found> {
    return this.found;
  }
  watch(key: string): void {
    this.others.push(`watch ${key}`);
  }
  stop(key: string, graceMs: number): void {
    this.others.push(`stop ${key} ${graceMs}`);
  }
  async remove(): Promise<void> {}
  running(): ReadonlyMap<string, number> {
    return new Map();
  }
  async sweep(): Promise<string[]> {
    return [];
  }
  async close(): Promise<void> {}
}

function driverOf(behind: Behind, deadlineOf?: (attempt: Attempt) => number | null): FetchingDriver {
  const driver = new FetchingDriver(behind, {
    ...{ tasks, user: taskUser(null), log: () => {}, ...ear },
    ...(deadlineOf && { deadlineOf }),
    fetch: {
      allowed: { schemes: [], folders: ["/"] },
      ...{ mostBytes: 2 ** 20, caFile: null, environment: {} },
    },
  });
  drivers.push(driver);
  return driver;
}

test("an attempt whose time was renewed while its files came starts with that time", async () => {
  const behind = new Behind();
  const later = uptimeMs() + 60_000;
  driverOf(behind, () => later).start(wanting(uptimeMs() - 1));
  await behind.started.promise;
  expect(behind.starts).toMatchObject([{ attempt: { key: KEY, deadlineMs: later }, files: ["file"] }]);
});

test("one that may run for ever by now does", async () => {
  const behind = new Behind();
  driverOf(behind, () => null).start(wanting(uptimeMs() - 1));
  await behind.started.promise;
  expect(behind.starts).toMatchObject([{ attempt: { deadlineMs: null } }]);
});

test("one whose time ran out never starts", async () => {
  const behind = new Behind();
  driverOf(behind).start(wanting(uptimeMs() - 1));
  expect(await ear.next()).toMatchObject({ exited: KEY, exit: { byGuard: true, ranMs: 0 } });
  expect(behind.starts).toEqual([]);
});

test("one that ran already is not fetched for, and what was asked meanwhile is done", async () => {
  mkdirSync(join(tasks, KEY));
  const behind = new Behind();
  behind.found = { is: "running" };
  const driver = driverOf(behind);
  driver.start(wanting(null));
  driver.stop(KEY, 900);
  driver.stop(KEY, 500);
  expect(await ear.next()).toEqual({ started: KEY });
  expect(behind.others).toEqual([`watch ${KEY}`, `stop ${KEY} 500`]);
  expect(behind.starts).toEqual([]);
});

test("closed meanwhile it tells nothing and leaves nothing", async () => {
  const behind = new Behind();
  const driver = driverOf(behind);
  driver.start(wanting(null));
  await driver.close();
  expect(behind.starts).toEqual([]);
  expect(readdirSync(tasks)).toEqual([]);
});
