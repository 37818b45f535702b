/**
 * Lends what is idle, and gives it back. An owner's oldest gang starts as of right while its owner has room in what it
 * brought; what is free is held for it, and after `graceMs` the rest is taken back from borrowers with the least lost
 * work. Whatever is then free is lent, first to owners whose jobs have been short so far, but for a little that is kept
 * idle after something had to be taken back. No step knows how long a job will run.
 */
import { Draft } from "./draft.ts";
import { meanRunMs, type Runs, withEnd } from "./runs.ts";
import { nextOfAgeMs, takeBack } from "./takeBack.ts";
import type { Attempt, Gang, LendingDecision, LendingView } from "./view.ts";

export interface LendingSettings {
  /** so long an owner that wants its own back waits for borrowers to end by themselves */
  graceMs: number;
  /** an attempt is not stopped before it has run so long */
  minRunMs: number;
  /** what had to be taken back stays unlent, half of it for so long; 0: all is lent again at once */
  keepHalfLifeMs: number;
  /** a gang that has waited longer is not overtaken by younger ones of its owner */
  patienceMs: number;
}

export const DEFAULT_LENDING: LendingSettings = {
  graceMs: 3_600_000,
  minRunMs: 600_000,
  keepHalfLifeMs: 86_400_000,
  patienceMs: 14 * 86_400_000,
};

/** What is remembered from one decision to the next. Plain data, never changed in place. */
export interface LendingMemory {
  /** by owner whose oldest gang has room in its own and yet waits: since when */
  owedSinceMs: ReadonlyMap<string, number>;
  /** kept idle, as it was at `atMs` */
  kept: { amount: number; atMs: number };
  runs: ReadonlyMap<string, Runs>;
}

export const NEW_MEMORY: LendingMemory = { owedSinceMs: new Map(), kept: { amount: 0, atMs: 0 }, runs: new Map() };

/** An attempt ran to its end; one that was stopped says nothing of how long its like run. */
export const remember = (memory: LendingMemory, ended: Attempt, nowMs: number): LendingMemory => ({
  ...memory,
  runs: withEnd(memory.runs, ended, nowMs),
});

export function lend(
  view: LendingView,
  memory: LendingMemory,
  settings: LendingSettings,
): { decision: LendingDecision; memory: LendingMemory } {
  const draft = new Draft(view);
  const owed = startOwn(draft, memory.owedSinceMs, settings);
  const kept = keptAt(memory.kept, view.nowMs, settings.keepHalfLifeMs, draft.stop);
  lendIdle(draft, owed.held + Math.round(kept), memory.runs, settings.patienceMs);
  return {
    decision: { stop: [...draft.stop], start: draft.start, againAtMs: owed.againAtMs },
    memory: { ...memory, owedSinceMs: owed.sinceMs, kept: { amount: kept, atMs: view.nowMs } },
  };
}

interface Owed {
  sinceMs: Map<string, number>;
  /** free, or to be free, for those gangs only */
  held: number;
  againAtMs: number | null;
}

function startOwn(draft: Draft, owedSinceMs: ReadonlyMap<string, number>, settings: LendingSettings): Owed {
  const { nowMs, quotas } = draft.view;
  const owed: Owed = { sinceMs: new Map(), held: 0, againAtMs: null };
  for (const owner of quotas.keys()) {
    let sinceMs = owedSinceMs.get(owner);
    for (let head = draft.oldest(owner); head !== undefined; head = draft.oldest(owner)) {
      if (head.size > draft.room(owner)) break;
      if (head.size > draft.free - owed.held) {
        sinceMs ??= nowMs;
        const dueAtMs = sinceMs + settings.graceMs;
        const victims =
          nowMs < dueAtMs ? null : takeBack(draft, head.size - (draft.free - owed.held), settings.minRunMs);
        if (victims === null) {
          owed.sinceMs.set(owner, sinceMs);
          owed.held += head.size;
          owed.againAtMs = earlier(owed.againAtMs, nowMs < dueAtMs ? dueAtMs : nextOfAgeMs(draft, settings.minRunMs));
          break;
        }
        for (const victim of victims) draft.giveBack(victim);
      }
      draft.take(head);
      sinceMs = undefined;
    }
  }
  return owed;
}

const earlier = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? (a ?? b) : Math.min(a, b);

function keptAt(kept: LendingMemory["kept"], nowMs: number, halfLifeMs: number, stopped: Iterable<Attempt>): number {
  if (halfLifeMs === 0) return 0;
  let amount = kept.amount * 2 ** (-(nowMs - kept.atMs) / halfLifeMs);
  for (const { gang } of stopped) amount += gang.size;
  return amount;
}

function lendIdle(draft: Draft, unlent: number, runs: ReadonlyMap<string, Runs>, patienceMs: number): void {
  const { nowMs, attempts } = draft.view;
  if (draft.free <= unlent) return;
  const expectedMs = meanRunMs(runs, attempts, nowMs);
  const before = (a: Gang, b: Gang) => expectedMs(a.owner) - expectedMs(b.owner) || a.id - b.id;
  for (;;) {
    let next: Gang | undefined;
    for (const gang of draft.heads()) {
      if (gang.size > draft.free - unlent) continue;
      if (next !== undefined && before(gang, next) >= 0) continue;
      const oldest = draft.oldest(gang.owner);
      if (oldest !== undefined && oldest !== gang && nowMs - oldest.queuedAtMs > patienceMs) continue;
      next = gang;
    }
    if (next === undefined) return;
    draft.take(next);
  }
}
