/**
 * What a Shelf lets go: output that is 30 days old, and beyond 1 GiB the oldest. A sweep is many small steps, one a
 * turn, because dropping bytes touches every page that held them; a step that is lost only makes the sweep begin anew.
 */
import type { StreamKey } from "./methods.ts";
import type { ShelfStore, StreamRow } from "./store.ts";

export interface RetentionRules {
  maxAgeMs: number;
  maxBytes: number;
}
export const RETENTION: RetentionRules = { maxAgeMs: 30 * 86_400_000, maxBytes: 2 ** 30 };

const STREAMS_A_STEP = 5_000;
const DROPS_A_STEP = 200;
const BYTES_A_STEP = 64 * 2 ** 20;
const CHUNKS_A_STEP = 500;

/** First everything is added up, then dropped in order of age. */
export type Sweep =
  | { phase: "sum"; after: StreamKey | null; bytes: number }
  | { phase: "drop"; after: StreamRow | null; excess: number };

export const beginSweep = (): Sweep => ({ phase: "sum", after: null, bytes: 0 });

/** @returns where to go on, or null when the sweep is done */
export function sweepStep(store: ShelfStore, sweep: Sweep, nowMs: number, rules = RETENTION): Sweep | null {
  return sweep.phase === "sum" ? sum(store, sweep, rules) : drop(store, sweep, nowMs - rules.maxAgeMs);
}

function sum(store: ShelfStore, sweep: Extract<Sweep, { phase: "sum" }>, rules: RetentionRules): Sweep {
  const page = store.keptBytes(sweep.after, STREAMS_A_STEP);
  const bytes = page.reduce((total, { kept }) => total + kept, sweep.bytes);
  if (page.length === STREAMS_A_STEP) return { phase: "sum", after: page.at(-1) ?? null, bytes };
  return { phase: "drop", after: null, excess: bytes - rules.maxBytes };
}

function drop(store: ShelfStore, sweep: Extract<Sweep, { phase: "drop" }>, oldMs: number): Sweep | null {
  let { after, excess } = sweep;
  let bytesLeft = BYTES_A_STEP;
  for (let n = 0; n < DROPS_A_STEP; n++) {
    const row = store.nextByAge(after);
    if (!row || (excess <= 0 && row.since >= oldMs)) return null;
    const isOld = row.touchedAt < oldMs;
    const wanted = isOld ? row.size : excess;
    if (wanted <= 0) {
      after = row;
      continue;
    }
    const start = store.dropHead(row, Math.min(wanted, bytesLeft), CHUNKS_A_STEP);
    if (start === row.size && (row.ended || isOld)) store.remove(row);
    else store.save({ ...row, start });
    excess -= start - row.start;
    bytesLeft -= start - row.start;
    if (bytesLeft <= 0) break;
  }
  return { phase: "drop", after, excess };
}
