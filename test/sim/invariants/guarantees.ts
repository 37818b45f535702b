/**
 * After the faults: a role that has less than it is promised, and waits, gets it: from what is free, or by reclaim of
 * what others have beyond what they are promised. Whatever the Broker says: computed from rows and machines alone.
 */
import type { LeagueSettings } from "../../../src/model/league.ts";
import { fits, formatResources } from "../../../src/model/resources.ts";
import type { World } from "../world/world.ts";
import { Promised, type Waiter } from "./promised.ts";
import { type RoomKind, Spare } from "./spare.ts";

const LOOK_EVERY_MS = 5_000;
/** Silences are over, what was lost is found, and everybody knows what nodes there are. */
const SETTLED_MS = 120_000;
/** Beside free room: tries that come late, and the reports and polls between. */
const MET_WITHIN_MS = 90_000;
/** What others have is stopped after the grace, once it has run for `minRun`, and has its own grace then. */
const STOPPED_WITHIN_MS = 45_000;

interface Standing {
  since: Record<RoomKind, number>;
  /** with more it has come forward */
  handedOut: number;
}

export class Guarantees {
  readonly #world: World;
  readonly #standing = new Map<string, Standing>();

  constructor(world: World) {
    this.#world = world;
  }

  schedule(): void {
    const { timeline, mood } = this.#world;
    const lookLater = () =>
      timeline.after(LOOK_EVERY_MS, () => {
        this.#look();
        lookLater();
      });
    timeline.at(mood.faultsEndMs + SETTLED_MS, lookLater);
  }

  #look(): void {
    const promised = new Promised(this.#world);
    const waiting = promised.waiting();
    const spare = waiting.length > 0 ? new Spare(this.#world, promised) : null;
    // Who gets how much of what is promised to more than can have it is a matter of shares.
    const isTooMuch = spare !== null && !fits(promised.inAll(), spare.inAll());
    for (const _ of promised.met()) this.#world.checks.hold("guarantees-met", true, () => "");
    const stands = new Set<string>();
    for (const waiter of waiting) {
      const room = isTooMuch ? null : (spare?.roomFor(waiter) ?? null);
      if (room === null) continue;
      stands.add(waiter.role);
      this.#hold(waiter, room.kind, room.where);
    }
    for (const role of this.#standing.keys()) if (!stands.has(role)) this.#standing.delete(role);
  }

  #hold({ role, job, demand, has, guarantee, handedOut }: Waiter, kind: RoomKind, where: string): void {
    const { timeline, checks, broker } = this.#world;
    const { nowMs } = timeline;
    const before = this.#standing.get(role);
    const isNew = before?.handedOut !== handedOut;
    const since = { free: nowMs, lent: nowMs, ...(!isNew && before?.since) };
    if (kind === "lent") since.free = nowMs;
    this.#standing.set(role, { since, handedOut });
    const { graceMs, minRunMs } = broker.ask("league", {}) as LeagueSettings;
    const within = { free: MET_WITHIN_MS, lent: MET_WITHIN_MS + graceMs + minRunMs + STOPPED_WITHIN_MS };
    for (const one of ["free", "lent"] as const) {
      const waitsMs = nowMs - since[one];
      checks.hold(
        "guarantees-met",
        waitsMs <= within[one],
        () =>
          `role ${role} has ${formatResources(has)} of ${formatResources(guarantee)}, and ${job} waits for ${formatResources(demand)} for ${waitsMs} ms beside what is ${one}: ${where}; ${JSON.stringify(broker.ask("explain", { id: job }))}`,
      );
    }
  }
}
