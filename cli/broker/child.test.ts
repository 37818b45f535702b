import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Child, type ChildEnd, restartPauseMs, startTicks } from "./child.ts";

let folder: string;
let log: string;
let child: Child | null = null;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hansa-child-"));
  log = join(folder, "logs", "child.log");
});
afterEach(async () => {
  await child?.stop(0);
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a line of shell; `ended` decides as an owner does. */
function shell(line: string, ended: (end: ChildEnd) => number | null): Child {
  const plan = { program: "sh", words: ["-c", line], env: { PATH: process.env.PATH }, log };
  const made = new Child(plan, { started() {}, ended });
  child = made;
  return made;
}

const said = async (text: string): Promise<void> => {
  while (!readFileSync(log, "utf8").includes(text)) await new Promise((resolve) => setTimeout(resolve, 5));
};

it("a child that ends is started again when its owner says so, and stays down when it says that", async () => {
  const ends: ChildEnd[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const child = shell("exit 3", (end) => {
    ends.push(end);
    if (ends.length < 3) return 1;
    resolve();
    return null;
  });
  child.start();
  await promise;
  expect(ends).toEqual([
    { code: 3, signal: null, quickEnds: 1 },
    { code: 3, signal: null, quickEnds: 2 },
    { code: 3, signal: null, quickEnds: 3 },
  ]);
  expect(child.pid).toBeNull();
});

it("a program that is not there has ended, too", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const owner = {
    started() {},
    ended() {
      resolve();
      return null;
    },
  };
  new Child({ program: join(folder, "nothing"), words: [], env: {}, log }, owner).start();
  await promise;
});

it("a child that is stopped is not started again", async () => {
  let ends = 0;
  const child = shell("echo up; sleep 100", () => ++ends);
  child.start();
  await said("up");
  const pid = child.pid ?? 0;
  await child.stop(5000);
  expect(startTicks(pid)).toBeNull();
  expect(ends).toBe(0);
});

it("a child that ignores TERM is killed with its group when the time is over", async () => {
  const child = shell("trap '' TERM; echo up; while :; do sleep 0.05; done", () => null);
  child.start();
  await said("up");
  const pid = child.pid ?? 0;
  await child.stop(50);
  expect(startTicks(pid)).toBeNull();
});

it("a child stopped while it waits for its next start stays down", async () => {
  let starts = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const owner = {
    started: () => void starts++,
    ended() {
      resolve();
      return 20;
    },
  };
  const waiting = new Child({ program: "true", words: [], env: { PATH: process.env.PATH }, log }, owner);
  waiting.start();
  await promise;
  await waiting.stop(1000);
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(starts).toBe(1);
});

it("pauses double and have an end", () => {
  expect([0, 1, 2, 3].map(restartPauseMs)).toEqual([100, 200, 400, 800]);
  expect(restartPauseMs(1000)).toBe(10_000);
});
