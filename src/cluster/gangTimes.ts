/** When gangs let go of places, and may keep some again. */
import { keyOf } from "./gang.ts";
import type { JobState } from "./state.ts";

/** Places are looked for anew after so long, whatever was seen to change. */
const LOOK_AGAIN_MS = 5_000;

/** As things stood when places for all of a gang were last looked for in vain. */
export interface InVain {
  freed: number;
  at: number;
}

/** Whether that may be otherwise by now. */
export const isOld = (inVain: InVain, freed: number, now: number): boolean =>
  inVain.freed !== freed || now < inVain.at || now - inVain.at >= LOOK_AGAIN_MS;

export interface GangTime {
  readonly job: string;
  readonly number: number;
  /** it lets go of its places then; null: it keeps none */
  untilMs: number | null;
  /** it has had all its places, and waited for their nodes */
  isCalled: boolean;
  /** since when a task of it waits for a place beside those that run */
  besideSince: number | null;
  /** null: it was not, or it has its places */
  tried: (InVain & { gen: number }) | null;
}

export class GangTimes {
  readonly byGang = new Map<string, GangTime>();
  /** key of the one gang that keeps places while others are missing */
  holder: string | null = null;
  /** by job: others have their turn until then */
  readonly restUntil = new Map<string, number>();

  of(job: JobState, number: number): GangTime {
    const key = keyOf(job, number);
    const known = this.byGang.get(key);
    if (known) return known;
    const time = { job: job.id, number, untilMs: null, isCalled: false, besideSince: null, tried: null };
    this.byGang.set(key, time);
    return time;
  }

  forget(key: string): void {
    this.byGang.delete(key);
    if (this.holder === key) this.holder = null;
  }

  /** When something is to be done although nothing happens. */
  *wantedAt(jobs: ReadonlyMap<string, JobState>): Generator<number> {
    yield* this.restUntil.values();
    for (const { job, untilMs, besideSince } of this.byGang.values()) {
      if (untilMs !== null) yield untilMs;
      const holdMs = jobs.get(job)?.template.gang?.holdMs;
      if (besideSince !== null && holdMs !== undefined) yield besideSince + holdMs;
    }
  }
}
