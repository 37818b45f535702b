/** Which attempts give an owner back what it brought: none that its own owner has room for, the least lost work. */
import { chooseVictims } from "../reclaim.ts";
import type { Draft } from "./draft.ts";
import type { Attempt } from "./view.ts";

/**
 * What runs on borrowed capacity. An owner's oldest attempts, as far as they fit, are those on its own, so that what
 * would lose most is safe first. All that is left of the league's capacity is enough for whoever has room in its own.
 */
export function borrowed(draft: Draft): Attempt[] {
  const left = new Map(draft.view.quotas);
  const over: Attempt[] = [];
  for (const attempt of draft.running()) {
    const { owner, size } = attempt.gang;
    const own = left.get(owner) ?? 0;
    if (size <= own) left.set(owner, own - size);
    else over.push(attempt);
  }
  return over;
}

/** @returns null when not enough has run for `minRunMs` */
export function takeBack(draft: Draft, amount: number, minRunMs: number): Attempt[] | null {
  const { nowMs } = draft.view;
  const candidates = borrowed(draft).map((attempt) => ({
    attempt,
    frees: { amount: attempt.gang.size },
    loss: attempt.gang.size * (nowMs - attempt.startedAtMs),
    startedAtMs: attempt.startedAtMs,
  }));
  const victims = chooseVictims(candidates, { amount }, { nowMs, minRunMs });
  return victims?.map(({ attempt }) => attempt) ?? null;
}

/** When the youngest of what is borrowed has run for `minRunMs`, one after the other; null: all have. */
export function nextOfAgeMs(draft: Draft, minRunMs: number): number | null {
  const young = borrowed(draft)
    .map(({ startedAtMs }) => startedAtMs + minRunMs)
    .filter((atMs) => atMs > draft.view.nowMs);
  return young.length === 0 ? null : Math.min(...young);
}
