/**
 * What befalls one object beside crashes: it is overloaded, it does not hear the others, its storage takes no writes, an
 * alarm comes twice.
 */
import type { Happenings } from "../faults/happenings.ts";
import type { Chance } from "./random.ts";
import type { Timeline } from "./timeline.ts";

/** Most turns write a few rows, some very many. */
const MOST_WRITES = 60;
const LONGEST_BETWEEN_MS = 30_000;

export class ObjectTroubles {
  /** chance that one write of a turn is refused, whichever it is */
  writeRefused = 0;
  /** chance that an alarm comes once more */
  alarmTwice = 0;
  noWritesUntilMs = 0;
  overloadedUntilMs = 0;
  deafUntilMs = 0;

  readonly #object: string;
  readonly #timeline: Timeline;
  readonly #chance: Chance;
  readonly #happenings: Happenings;
  /** writes of this turn until the one that is refused */
  #writesLeft = 0;
  #isSpared = false;

  constructor(object: string, timeline: Timeline, chance: Chance, happenings: Happenings) {
    this.#object = object;
    this.#timeline = timeline;
    this.#chance = chance;
    this.#happenings = happenings;
  }

  end(): void {
    Object.assign(this, { writeRefused: 0, alarmTwice: 0, noWritesUntilMs: 0, overloadedUntilMs: 0, deafUntilMs: 0 });
  }

  /** To calls of other objects, and to their answers: they hear it all the while. */
  get isDeaf(): boolean {
    return this.deafUntilMs > this.#timeline.nowMs;
  }

  turnBegins(): void {
    const isDrawn = this.writeRefused > 0 && this.#chance.of(this.writeRefused);
    this.#writesLeft = isDrawn ? this.#chance.spread(1, MOST_WRITES) : 0;
  }

  refusesWrite(): boolean {
    if (this.#isSpared) return false;
    if (this.noWritesUntilMs > this.#timeline.nowMs) return true;
    if (this.#writesLeft === 0) return false;
    this.#writesLeft -= 1;
    return this.#writesLeft === 0 && this.#happenings.strikes("write-refused", this.#object);
  }

  /** What a person who looks at it sees is not spoilt. */
  spare<R>(look: () => R): R {
    this.#isSpared = true;
    try {
      return look();
    } finally {
      this.#isSpared = false;
    }
  }

  /** @returns what becomes of a call: it is not executed, or it is and nobody hears of it */
  overload(): "unexecuted" | "unknown" | null {
    if (this.overloadedUntilMs <= this.#timeline.nowMs) return null;
    return this.#chance.pick(["unexecuted", "unexecuted", "unknown", null]);
  }

  /** @returns whether who called hears of a death that took the answer along, or waits for it in vain */
  isDeathHeard(): boolean {
    return this.#chance.of(0.5);
  }

  /** @returns after how long the alarm that has just fired fires again; null: it does not */
  nextCopyMs(): number | null {
    if (this.alarmTwice === 0 || !this.#chance.of(this.alarmTwice)) return null;
    return this.#happenings.strikes("alarm-twice", this.#object) ? this.#chance.spread(1, LONGEST_BETWEEN_MS) : null;
  }
}
