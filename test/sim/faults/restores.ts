/**
 * An object wakes on a backup of its rows, or all of a league do: what they did since is forgotten. As docs/deploy.md
 * tells, the generation is raised with it, every object wakes with that, and people wait before they submit again what
 * the Broker does not know any more. What is kept for ever has no safety against that.
 */
import type { SchedulerMemory } from "../people/scheduler.ts";
import type { Chance } from "../world/random.ts";
import { linkOf, type SimObject } from "../world/simObject.ts";
import type { World } from "../world/world.ts";
import { leapForward } from "./clocks.ts";

const RESTORED = 0.3;
const LATEST_BACKUP = 0.6;
const SHORTEST_AGE_MS = 10_000;
const LONGEST_AGE_MS = 600_000;
/** After a submission: what runs then still does. */
const SOON_MS = 60_000;
/** Objects are copied one after the other. */
const COPYING_MS = 2_000;
/** 2030, by the clock on the wall of whoever restores */
const SECONDS_AT_START = 1_900_000_000;

interface Backup {
  rows: Uint8Array;
  atMs: number;
  /** of a Cluster: what it had acknowledged, and how tasks had ended */
  said: ReturnType<World["watch"]["saidBy"]> | null;
  /** of a Framework: what its scheduler had heard */
  heard: SchedulerMemory | null;
}

export const RESTORES = ["broker-restored", "cluster-restored", "framework-restored", "league-restored"] as const;

/** Jobs whose tasks run for long, by their names. */
const LASTING = /^(long|rival|serve)/;

interface Draw {
  kind: (typeof RESTORES)[number];
  objects: SimObject[];
}

const APART_MS = 2_000;
const LONGEST_CUT_MS = 240_000;

export class Restores {
  /** how many there were */
  count = 0;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  schedule(chance: Chance): void {
    const { mood, timeline } = this.#world;
    const isSeason = this.#world.season === "restores";
    if ((!chance.of(RESTORED) && !isSeason) || mood.gentle || mood.wide) return;
    const generationOf = chance.of(0.5) ? () => this.count : () => SECONDS_AT_START + Math.floor(timeline.nowMs / 1000);
    const kinds = chance.of(0.3) ? 2 : 1;
    for (let i = 0; i < kinds; i++) {
      const what = isSeason ? this.#drawSeason(chance) : this.#draw(chance);
      const isSoon = isSeason && chance.of(0.5);
      const takenAtMs = isSoon ? this.#beforeSubmission(chance) : chance.int(2_000, mood.faultsEndMs * LATEST_BACKUP);
      const atMs = takenAtMs + COPYING_MS + chance.spread(SHORTEST_AGE_MS, isSoon ? SOON_MS : LONGEST_AGE_MS);
      const backups = new Map<SimObject, Backup>();
      for (const object of what.objects)
        timeline.at(takenAtMs + chance.int(0, COPYING_MS), () => backups.set(object, this.#backupOf(object)));
      // Nobody restores twice within a second, and each time is another generation.
      const restoredAtMs = Math.min(atMs, mood.faultsEndMs - 1 - i * APART_MS);
      timeline.at(restoredAtMs, () => this.#restore(what.kind, backups, generationOf));
      if (isSeason) this.#trouble(chance, restoredAtMs);
    }
  }

  /** What is submitted then is not in the backup, and comes again later. */
  #beforeSubmission(chance: Chance): number {
    const { people, mood } = this.#world;
    const lasting = people.filter(({ plan }) => LASTING.test(plan.id));
    const { submitAtMs } = chance.pick(lasting.length > 0 ? lasting : people).plan;
    return Math.max(2_000, Math.min(submitAtMs - COPYING_MS - 1, mood.faultsEndMs * LATEST_BACKUP));
  }

  #draw(chance: Chance): Draw {
    const { broker, clusters, schedulers } = this.#world;
    const frameworks = schedulers.map(({ object }) => object);
    const draw = chance.next();
    if (draw < 0.2) return { kind: "league-restored", objects: [broker, ...clusters, ...frameworks] };
    if (draw < 0.5) return { kind: "broker-restored", objects: [broker] };
    if (draw < 0.65 && frameworks.length > 0) return { kind: "framework-restored", objects: [chance.pick(frameworks)] };
    return { kind: "cluster-restored", objects: [chance.pick(clusters)] };
  }

  #drawSeason(chance: Chance): Draw {
    const { broker, clusters } = this.#world;
    return chance.of(0.8)
      ? { kind: "broker-restored", objects: [broker] }
      : { kind: "league-restored", objects: [broker, ...clusters] };
  }

  /** The restored Broker does not hear some Clusters, and its clock leaps. */
  #trouble(chance: Chance, restoredAtMs: number): void {
    const { broker, clusters, timeline, network, happenings, mood } = this.#world;
    const leapAtMs = restoredAtMs + chance.int(500, 30_000);
    for (const cluster of clusters) {
      const link = linkOf(broker.name, cluster.name);
      const forMs = chance.spread(5_000, LONGEST_CUT_MS);
      if (!chance.of(0.6)) continue;
      timeline.at(restoredAtMs, () => {
        if (happenings.strikes("link-cut-long", link)) network.cut(link, timeline.nowMs + forMs);
      });
    }
    if (chance.of(0.5) && leapAtMs < mood.faultsEndMs)
      timeline.at(leapAtMs, () => {
        if (happenings.strikes("clock-jump", broker.name)) leapForward(this.#world, chance, broker);
      });
  }

  #backupOf(object: SimObject): Backup {
    const { timeline, watch, schedulers } = this.#world;
    const scheduler = schedulers.find((one) => one.object === object);
    return {
      rows: object.home.serialize(),
      atMs: timeline.nowMs,
      said: object.ref.kind === "cluster" ? watch.saidBy(object) : null,
      heard: scheduler?.memory() ?? null,
    };
  }

  #restore(kind: (typeof RESTORES)[number], backups: ReadonlyMap<SimObject, Backup>, generationOf: () => number): void {
    const { broker, clusters, schedulers, people, happenings } = this.#world;
    const { watch, limits, ledger, stewards, reader } = this.#world;
    if (people.some(({ plan }) => plan.keep)) return;
    const [first] = backups.keys();
    if (!happenings.strikes(kind, backups.size === 1 ? first?.name : "")) return;
    this.count += 1;
    const generation = generationOf();
    const said = new Map(clusters.map((one) => [one, backups.get(one)?.said ?? watch.saidBy(one)]));
    const events = reader.cursors();
    for (const [object, { rows, atMs }] of backups) {
      this.#world.trace(() => `${object.name} is restored to ${atMs}, generation ${generation}`);
      object.restore(rows, generation);
    }
    for (const object of this.#world.objects) if (!backups.has(object)) object.wakeWith(generation);
    for (const [cluster, before] of said) {
      watch.restored(cluster, before);
      limits.rowsLost(cluster.name);
    }
    const backup = backups.get(broker);
    if (backup) {
      watch.brokerRestored();
      limits.brokerRestored(backup.atMs);
      ledger.restored();
      reader.restored(events);
      for (const person of people) person.brokerRestored();
      stewards.brokerRestored();
    }
    for (const scheduler of schedulers) {
      const heard = backups.get(scheduler.object)?.heard;
      if (heard) scheduler.restored(heard);
    }
  }
}
