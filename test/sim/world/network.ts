/**
 * The network between the parts of a world: a message arrives once and soon, or it is lost, doubled, late, or comes
 * again much later; a cut link carries nothing.
 */
import type { Happenings } from "../faults/happenings.ts";
import type { Chance } from "./random.ts";
import type { Timeline } from "./timeline.ts";

export interface Weather {
  lost: number;
  doubled: number;
  late: number;
  replayed: number;
}
export const CALM: Weather = { lost: 0, doubled: 0, late: 0, replayed: 0 };

const NEAR_MS = 15;
/** The sender has given up by then; the message may still arrive. */
const GIVE_UP_MS = 20_000;
const LONGEST_DELAY_MS = 400_000;
/** After the faults: a copy of an earlier wish may have come so late that it undid a later one. */
export const LOOK_AGAIN_MS = LONGEST_DELAY_MS + 50_000;

export class Network {
  weather: Weather = CALM;
  readonly #timeline: Timeline;
  readonly #chance: Chance;
  readonly #happenings: Happenings;
  /** each link has its own, so that what befalls one shifts nothing on another */
  readonly #chances = new Map<string, Chance>();
  readonly #cuts = new Map<string, number>();

  constructor(timeline: Timeline, chance: Chance, happenings: Happenings) {
    this.#timeline = timeline;
    this.#chance = chance;
    this.#happenings = happenings;
  }

  cut(link: string, untilMs: number): void {
    this.#cuts.set(link, Math.max(untilMs, this.#cuts.get(link) ?? 0));
  }
  mend(): void {
    this.#cuts.clear();
  }
  isCut(link: string): boolean {
    return (this.#cuts.get(link) ?? 0) > this.#timeline.nowMs;
  }

  /** `deliver` may run any number of times; `lost` runs at most once, if the sender notices, and it may have arrived all the same. */
  send(link: string, deliver: () => void, lost: () => void): void {
    const { weather } = this;
    const chance = this.#chanceOf(link);
    const arrive = (delayMs: number) => this.#timeline.after(delayMs, () => (this.isCut(link) ? undefined : deliver()));
    const nearMs = 1 + chance.int(0, NEAR_MS);
    if (this.isCut(link)) {
      this.#timeline.after(chance.of(0.5) ? nearMs : GIVE_UP_MS, lost);
      return;
    }
    const draw = chance.next();
    const isDrawn = (above: number, part: number) => above <= draw && draw < above + part;
    const strikes = (kind: string) => this.#happenings.strikes(kind, link);
    const { lost: losing, late, doubled } = weather;
    if (isDrawn(0, losing) && strikes("message-lost")) {
      this.#timeline.after(chance.of(0.5) ? nearMs : GIVE_UP_MS, lost);
    } else if (isDrawn(losing, late) && strikes("message-late")) {
      const delayMs = chance.spread(200, LONGEST_DELAY_MS);
      arrive(delayMs);
      if (delayMs > GIVE_UP_MS) this.#timeline.after(GIVE_UP_MS, lost);
    } else if (isDrawn(losing + late, doubled) && strikes("message-doubled")) {
      arrive(nearMs);
      arrive(1 + chance.spread(1, 3_000));
    } else {
      arrive(nearMs);
      if (chance.of(weather.replayed) && strikes("message-replayed")) arrive(chance.spread(5_000, LONGEST_DELAY_MS));
    }
  }

  #chanceOf(link: string): Chance {
    let chance = this.#chances.get(link);
    if (!chance) {
      chance = this.#chance.named(link);
      this.#chances.set(link, chance);
    }
    return chance;
  }
}
