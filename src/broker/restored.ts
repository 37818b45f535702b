/**
 * Who this object is, and what follows from a restore: numbers leap, so that none is given twice, and what the backup
 * knew of, or may have forgotten, is held until nothing of it can still run. Clocks are not compared, ticks are counted.
 */
import { firstGen, firstHandout } from "./generation.ts";
import type { JobMemory } from "./state.ts";
import type { BrokerStore } from "./store.ts";

/** Hand-outs and gens that an older copy of these rows may have given away before it was lost. */
const RESTORE_LEAP = 2 ** 20;
/**
 * A job that is submitted after the restore may be one that was submitted before, of which these rows know nothing: a
 * client tries again, a copy of its request comes late. So late none comes, or a person has waited.
 */
const COPIES_COME_WITHIN_MS = 900_000;
/** Ticks are never longer, so that our own outages count at most one. */
export const HOLD_TICK_MS = 5_000;
/** `sinceRestoreMs` when nothing waits for it. */
const NOT_RESTORED = -1;

export class Restored {
  readonly #store: BrokerStore;
  readonly #generation: number;
  readonly incarnation: number;
  /** these rows come from a backup, and this is the first life with them */
  readonly isNew: boolean;
  #sinceRestoreMs: number;
  #restoredOrdinal: number;
  #lastTickAt: number;

  /** @param newestOrdinal of the jobs in the rows */
  constructor(store: BrokerStore, generation: number, newestOrdinal: number, now: number) {
    this.#store = store;
    this.#generation = generation;
    const known = store.self();
    this.isNew = known !== undefined && known.generation !== generation;
    this.incarnation = known && !this.isNew ? known.incarnation : Math.max(now, (known?.incarnation ?? 0) + 1);
    this.#sinceRestoreMs = this.isNew ? 0 : (known?.sinceRestoreMs ?? NOT_RESTORED);
    this.#restoredOrdinal = this.isNew ? newestOrdinal : (known?.restoredOrdinal ?? 0);
    this.#lastTickAt = now;
    if (!known || this.isNew) this.#save();
  }

  /** These rows are older than what the league has seen: nothing given out again may carry an old number. */
  leap(jobs: Iterable<JobMemory>): void {
    for (const job of jobs) {
      job.nextHandout = Math.max(job.nextHandout + RESTORE_LEAP, firstHandout(this.#generation));
      this.#store.updateJob(job);
      for (const grant of job.grants.values()) {
        grant.gen = Math.max(grant.gen + RESTORE_LEAP, firstGen(this.#generation));
        this.#store.saveGrant(grant);
      }
    }
  }

  tick(now: number): void {
    if (this.#sinceRestoreMs !== NOT_RESTORED) {
      this.#sinceRestoreMs += Math.max(0, Math.min(now - this.#lastTickAt, HOLD_TICK_MS));
      this.#save();
    }
    this.#lastTickAt = now;
  }

  /** Something of the job that these rows do not know may still run. */
  holds(job: JobMemory): boolean {
    return this.holdsForMs(job) > 0;
  }

  /** For how long yet. */
  holdsForMs(job: JobMemory): number {
    if (this.#sinceRestoreMs === NOT_RESTORED) return 0;
    const lostAfterMs = job.template.lostAfterMs ?? 0;
    const isKnown = job.ordinal <= this.#restoredOrdinal;
    const untilMs = isKnown ? lostAfterMs : Math.min(lostAfterMs, COPIES_COME_WITHIN_MS);
    return Math.max(0, untilMs - this.#sinceRestoreMs);
  }

  #save(): void {
    this.#store.saveSelf({
      incarnation: this.incarnation,
      generation: this.#generation,
      sinceRestoreMs: this.#sinceRestoreMs,
      restoredOrdinal: this.#restoredOrdinal,
    });
  }
}
