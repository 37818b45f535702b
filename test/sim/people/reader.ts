/**
 * Somebody who follows what happens in the league, page by page or as it comes, over the same faulty network as everyone:
 * each event once, in order, and none is missing.
 */
import { isDeepStrictEqual } from "node:util";
import type { EventView } from "../../../src/model/views.ts";
import type { Chance } from "../world/random.ts";
import type { World } from "../world/world.ts";

const LONGEST_PAUSE_MS = 30_000;
const FOLLOWS = 0.4;
const READS_AGAIN = 0.2;
const AGAIN_MS = 3_000;

/** Of a stream, in the order that it was sent: what comes after a hole is of no use. */
export type Heard = (stream: object, chunk: number, events: EventView[]) => void;

export class Reader {
  readonly #world: World;
  readonly #chance: Chance;
  /** as they were seen first, those that a restore undid left out */
  #seen: EventView[] = [];
  /** of the newest that was seen, also of one that is undone */
  #cursor: string | null = null;
  #restores = 0;
  /** cursors of events that a restore undid: another one may bring them back behind those who went on */
  readonly #undone = new Set<string>();

  constructor(world: World, chance: Chance) {
    this.#world = world;
    this.#chance = chance;
    this.#later();
  }

  #later(): void {
    this.#world.timeline.after(this.#chance.spread(500, LONGEST_PAUSE_MS), () => {
      if (this.#chance.of(FOLLOWS)) this.#follow();
      else this.#read();
    });
  }

  #read(): void {
    this.#forgetUndone();
    const restores = this.#restores;
    // As one who has lost its place does.
    const from = this.#chance.of(READS_AGAIN) ? this.#chance.int(0, this.#seen.length) : this.#seen.length;
    const since = from === this.#seen.length ? this.#cursor : (this.#seen[from - 1]?.cursor ?? null);
    const args = { since, limit: this.#chance.int(1, 40), job: null };
    this.#world.edge.request(this.#world.broker, "events", args, (answer) => {
      if (answer.ok) this.#take((answer.value as { events: EventView[] }).events, from, restores);
      this.#later();
    });
  }

  #follow(): void {
    this.#forgetUndone();
    const restores = this.#restores;
    let ofStream: object | null = null;
    let next = 0;
    let isOver = false;
    const over = (): void => {
      if (isOver) return;
      isOver = true;
      end();
      this.#world.timeline.after(AGAIN_MS, () => this.#later());
    };
    const heard: Heard = (stream, chunk, events) => {
      ofStream ??= stream;
      if (isOver || stream !== ofStream || chunk < next) return;
      if (chunk > next) return over();
      next += 1;
      const stored = events.filter(({ cursor }) => cursor !== undefined);
      this.#take(stored, this.#seen.length, restores);
    };
    const end = this.#world.edge.followEvents(this.#cursor, heard, over);
    this.#world.timeline.after(this.#chance.spread(2_000, 120_000), over);
  }

  /** @param from how many came before these @param restores of the Broker until they were asked for */
  #take(events: readonly EventView[], from: number, restores: number): void {
    const { broker, checks } = this.#world;
    if (restores !== broker.restores) return;
    for (const [i, event] of events.filter(({ cursor }) => this.#isToBeSeen(cursor)).entries()) {
      const before = this.#seen[from + i];
      if (before === undefined) {
        this.#seen.push(event);
        this.#cursor = event.cursor ?? null;
      } else {
        const is = () => `${before.cursor} is ${JSON.stringify(event)} now`;
        checks.hold("events-gapless", isDeepStrictEqual(event, before), is);
      }
    }
  }

  /** @param before cursors of all events that there were before the Broker was restored */
  restored(before: ReadonlySet<string>): void {
    for (const cursor of before.difference(this.cursors())) this.#undone.add(cursor);
  }

  /** Of all events that there are. */
  cursors(): Set<string> {
    return new Set(this.#world.broker.home.query("SELECT seq FROM event").map(({ seq }) => `b${seq}`));
  }

  #isToBeSeen(cursor: string | undefined): boolean {
    if (cursor === undefined || !this.#undone.has(cursor)) return true;
    return this.#seen.some((one) => one.cursor === cursor);
  }

  /** What a restored Broker does not know has not happened; who saw it goes on from there. */
  #forgetUndone(): void {
    const { restores } = this.#world.broker;
    if (restores === this.#restores) return;
    this.#restores = restores;
    const rows = this.cursors();
    this.#seen = this.#seen.filter(({ cursor }) => cursor !== undefined && rows.has(cursor));
  }

  /** All that a reader was told is what there is, and each job began and ended once. */
  look(): void {
    const { broker, checks, people } = this.#world;
    this.#forgetUndone();
    const all = broker.home.query("SELECT seq, body FROM event ORDER BY seq");
    const seqs = new Set(all.map(({ seq }) => Number(seq)));
    const rows = all.filter(({ seq }) => this.#isToBeSeen(`b${seq}`));
    for (const [i, { cursor, at: _, ...body }] of this.#seen.entries()) {
      const { seq, body: stored } = rows[i] ?? {};
      const isNext = body.type === "league.restored" || seq === 1 || seqs.has(Number(seq) - 1);
      checks.hold(
        "events-gapless",
        cursor === `b${seq}` && isNext && isDeepStrictEqual(body, JSON.parse(String(stored))),
        () => `event ${i + 1} was read as ${cursor} ${JSON.stringify(body)}, and is ${seq} ${stored}`,
      );
    }
    if (this.#restores > 0) return;
    const times = new Map<string, number>();
    for (const { body } of rows) {
      const { type, job } = JSON.parse(String(body)) as EventView;
      times.set(`${type} ${job}`, (times.get(`${type} ${job}`) ?? 0) + 1);
    }
    for (const { plan, acknowledged, done } of people) {
      const [begun, over] = ["job.submitted", "job.ended"].map((type) => times.get(`${type} ${plan.id}`) ?? 0);
      checks.hold(
        "events-gapless",
        (begun === 1 || (begun === 0 && !acknowledged)) && (over === 1 || (over === 0 && !done)),
        () => `${plan.id} was submitted ${begun} times and ended ${over} times, by the events`,
      );
    }
  }
}
