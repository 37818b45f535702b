/**
 * Holds what is taken back against the rules: nobody is stopped before its time, it comes to rest, and where nothing
 * hinders it any more who claims what is its own is not left waiting.
 */
import type { LeagueSettings } from "../../../src/model/league.ts";
import type { PollReply } from "../../../src/protocol/agent.ts";
import type { Claim, JobReport } from "../../../src/protocol/levels.ts";
import { MAX_OBJECT_DRIFT, type SimObject } from "../world/simObject.ts";
import type { World } from "../world/world.ts";

/** Rights change with every job that comes, every change of roles and partitions, every node: each may cost a task its place. */
const MOST_A_TASK = 25;
/** TERM, the time until KILL, the polls and reports between, and what is given back because no node has enough. */
const DONE_WITHIN_MS = 240_000;

interface Standing {
  since: number;
  /** what it claims and how much of it runs: with another it has come forward */
  what: string;
}

export class ReclaimWatch {
  readonly #world: World;
  /** attempt → when a reply first carried it */
  readonly #handedOut = new Map<string, number>();
  readonly #stopped = new Map<string, number>();
  readonly #seen = new Set<string>();
  readonly #standing = new Map<string, Standing>();

  constructor(world: World) {
    this.#world = world;
  }

  get reclaims(): number {
    return this.#seen.size;
  }

  replyLeaves(cluster: SimObject, { assignments, stops }: PollReply): void {
    const { checks, timeline } = this.#world;
    for (const { task, epoch } of assignments) {
      const key = `${task}@${epoch}`;
      if (!this.#handedOut.has(key)) this.#handedOut.set(key, timeline.nowMs);
    }
    for (const { task, epoch, reason } of stops) {
      const key = `${task}@${epoch}`;
      if (reason !== "reclaimed" || this.#seen.has(key)) continue;
      this.#seen.add(key);
      this.#world.trace(() => `${cluster.name} takes back ${key}`);
      const times = (this.#stopped.get(task) ?? 0) + 1;
      this.#stopped.set(task, times);
      checks.hold("taken-back-rightly", times <= MOST_A_TASK, () => `${task} was taken back ${times} times`);
      const ranMs = timeline.nowMs - (this.#handedOut.get(key) ?? Number.NEGATIVE_INFINITY);
      checks.hold(
        "taken-back-rightly",
        cluster.leaps > 0 || ranMs * (1 + MAX_OBJECT_DRIFT) + 1 >= this.#settings().minRunMs,
        () => `${key} was taken back after ${ranMs} ms`,
      );
    }
  }

  #settings(): LeagueSettings {
    return this.#world.broker.ask("league", {}) as LeagueSettings;
  }

  /** A while after the faults: messages and nodes come through. */
  look(): void {
    const { broker, checks, timeline } = this.#world;
    const { graceMs, minRunMs } = this.#settings();
    const now = timeline.nowMs;
    const claims = new Map<string, string>();
    for (const { job, cluster, claim, reported } of broker.home.query(
      `SELECT job, cluster, claim, reported FROM "grant" WHERE claim IS NOT NULL AND supply <> '[]'`,
    )) {
      const { own } = JSON.parse(String(claim)) as Claim;
      const { live = {} } = reported === null ? {} : (JSON.parse(String(reported)) as Partial<JobReport>);
      for (const [name, count] of Object.entries(own))
        if (count > 0) claims.set(`${job} ${cluster}/${name}`, JSON.stringify([count, live[name]]));
    }
    for (const key of this.#standing.keys()) if (!claims.has(key)) this.#standing.delete(key);
    for (const [key, what] of claims) {
      const standing = this.#standing.get(key);
      if (standing?.what !== what || this.#world.faulty) {
        this.#standing.set(key, { since: now, what });
        continue;
      }
      const waitsMs = now - standing.since;
      checks.hold(
        "taken-back-rightly",
        waitsMs <= graceMs + minRunMs + DONE_WITHIN_MS,
        () => `${key} claims ${what} for ${waitsMs} ms`,
      );
    }
  }
}
