import { expect, test } from "vitest";
import { DEFAULT_LENDING, type LendingMemory, lend, NEW_MEMORY, remember } from "./lend.ts";
import type { Attempt, Gang, LendingView } from "./view.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const SETTINGS = { ...DEFAULT_LENDING, graceMs: HOUR_MS, minRunMs: 0 };

let ids = 0;
const gang = (owner: string, size: number, queuedAtMs = 0): Gang => ({ id: ids++, owner, size, queuedAtMs });
const attempt = (owner: string, size: number, startedAtMs: number): Attempt => ({
  gang: gang(owner, size),
  startedAtMs,
});

function league(quotas: Record<string, number>, attempts: Attempt[], waiting: Gang[], nowMs = 0): LendingView {
  const inUse = new Map(Object.keys(quotas).map((owner) => [owner, 0]));
  for (const { gang } of attempts) inUse.set(gang.owner, (inUse.get(gang.owner) ?? 0) + gang.size);
  const used = attempts.reduce((sum, { gang }) => sum + gang.size, 0);
  const lines = waiting.map((gang) => ({ owner: gang.owner, size: gang.size, waiting: [gang] }));
  const free = Object.values(quotas).reduce((sum, quota) => sum + quota, 0) - used;
  return { nowMs, free, quotas: new Map(Object.entries(quotas)), inUse, lines, attempts };
}

const owedSince = (owner: string, atMs: number): LendingMemory => ({
  ...NEW_MEMORY,
  owedSinceMs: new Map([[owner, atMs]]),
});

test("what an owner has idle is lent", () => {
  const large = gang("north", 6);
  expect(lend(league({ north: 4, south: 4 }, [], [large]), NEW_MEMORY, SETTINGS).decision.start).toEqual([large]);
});

test("of two that would borrow, the owner whose jobs have been short is first, though its job is younger", () => {
  const first = gang("north", 4);
  const second = gang("south", 4);
  let memory = NEW_MEMORY;
  for (let i = 0; i < 20; i++) {
    memory = remember(memory, attempt("north", 1, 0), DAY_MS);
    memory = remember(memory, attempt("south", 1, 0), HOUR_MS);
  }
  const idle = league({ north: 0, south: 0, west: 4 }, [], [first, second], 2 * DAY_MS);
  expect(lend(idle, memory, SETTINGS).decision.start).toEqual([second]);
});

test("an owner that wants its own back waits for grace, and meanwhile what is free is held for it", () => {
  const waiting = [gang("south", 4), gang("north", 1)];
  const borrowing = league({ north: 4, south: 4 }, [attempt("north", 4, 0), attempt("north", 3, 0)], waiting);
  const { decision, memory } = lend(borrowing, NEW_MEMORY, SETTINGS);
  expect(decision).toEqual({ start: [], stop: [], againAtMs: HOUR_MS });
  expect(memory.owedSinceMs).toEqual(new Map([["south", 0]]));
});

test("when grace is over it gets it, from the borrowers that lose least", () => {
  const own = attempt("north", 4, 0);
  const old = attempt("north", 2, HOUR_MS);
  const young = attempt("north", 2, 2 * HOUR_MS);
  const head = gang("south", 2, 2 * HOUR_MS);
  const view = league({ north: 4, south: 4 }, [own, old, young], [head], 3 * HOUR_MS);
  const { decision, memory } = lend(view, owedSince("south", 2 * HOUR_MS), SETTINGS);
  expect(decision).toEqual({ start: [head], stop: [young], againAtMs: null });
  expect(memory.owedSinceMs.size).toBe(0);
});

test("borrowers younger than minRun are left alone until they are of age", () => {
  const young = attempt("north", 4, 3 * HOUR_MS - 1);
  const view = league({ north: 0, south: 4 }, [young], [gang("south", 4)], 3 * HOUR_MS);
  const { decision } = lend(view, owedSince("south", 0), { ...SETTINGS, minRunMs: 60_000 });
  expect(decision).toEqual({ start: [], stop: [], againAtMs: 3 * HOUR_MS - 1 + 60_000 });
});

test("an owner that uses all it brought takes nothing back, whatever it borrows on top", () => {
  const attempts = [attempt("north", 4, 0), attempt("west", 2, 0), attempt("south", 2, 0)];
  const view = league({ north: 2, south: 2, west: 4 }, attempts, [gang("south", 1)], 9 * HOUR_MS);
  expect(lend(view, owedSince("south", 0), SETTINGS).decision).toEqual({ start: [], stop: [], againAtMs: null });
});

test("what had to be taken back is not lent again at once, but half of it after the half-life", () => {
  const kept = { ...NEW_MEMORY, kept: { amount: 4, atMs: 0 } };
  const small = gang("north", 2);
  const startedAt = (nowMs: number) =>
    lend(league({ north: 0, south: 4 }, [], [small], nowMs), kept, SETTINGS).decision.start;
  expect(startedAt(HOUR_MS)).toEqual([]);
  expect(startedAt(SETTINGS.keepHalfLifeMs)).toEqual([small]);
});

test("a gang that has waited longer than patience is not overtaken by its owner's younger ones", () => {
  const large = gang("north", 8);
  const small = gang("north", 1, 1);
  const running = [attempt("south", 4, 0)];
  const startedAt = (nowMs: number) =>
    lend(league({ north: 0, south: 8 }, running, [large, small], nowMs), NEW_MEMORY, SETTINGS).decision.start;
  expect(startedAt(HOUR_MS)).toEqual([small]);
  expect(startedAt(SETTINGS.patienceMs + 1)).toEqual([]);
});
