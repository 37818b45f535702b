/**
 * Owners drill their clusters while there are faults, over the same faulty network as everyone. What a drill does is
 * held to what a cut does, and what it reports to what the world knows.
 */
import { whole } from "../../../src/api/drillReport.ts";
import type { Whereabouts } from "../../../src/broker/methods.ts";
import type { DrillSight, Whereabouts as Standing } from "../../../src/cluster/drill/report.ts";
import type { Drill } from "../../../src/cluster/schema.ts";
import type { Chance } from "../world/random.ts";
import type { SimObject } from "../world/simObject.ts";
import type { World } from "../world/world.ts";

const SHORTEST_MS = 20_000;
const LONGEST_MS = 240_000;
/** A copy of an earlier wish may begin one where all rows were lost meanwhile. */
const END_AGAIN_MS = 60_000;

/** Nobody knows for how long something was held, or ran: a clock went back, leapt, or went on over a suspend. */
const UNTIMED = ["clock-jump", "boot-clock-leaps", "suspended"];

export class Drills {
  readonly #world: World;
  readonly #chance: Chance;

  constructor(world: World, chance: Chance) {
    this.#world = world;
    this.#chance = chance;
  }

  schedule(untilMs: number): void {
    const { gentle, wide } = this.#world.mood;
    // In a gentle world no node is ever silent, and in a wide one only its cut is.
    const times = !gentle && !wide && this.#chance.of(0.5) ? this.#chance.int(1, 3) : 0;
    for (let i = 0; i < times; i++) {
      const request = `drill-${i}`;
      const forMs = this.#chance.int(SHORTEST_MS, LONGEST_MS);
      const isCutShort = this.#chance.of(0.2);
      this.#world.timeline.at(this.#chance.int(5_000, untilMs - 1), () => {
        const cluster = this.#chance.pick(this.#world.clusters);
        this.#ask(cluster, "startDrill", { forMs, request });
        if (isCutShort)
          this.#world.timeline.after(this.#chance.int(1_000, forMs), () => this.#ask(cluster, "endDrill", {}));
      });
    }
  }

  /** After the faults. */
  endAll(): void {
    const end = () => {
      for (const cluster of this.#world.clusters) this.#ask(cluster, "endDrill", {});
    };
    end();
    this.#world.timeline.after(END_AGAIN_MS, end);
  }

  #ask(cluster: SimObject, method: string, args: unknown): void {
    const { faulty, happenings } = this.#world;
    if (faulty && !happenings.isWanted(method, cluster.name)) return;
    this.#world.trace(() => `an owner asks ${cluster.name} to ${method} ${JSON.stringify(args)}`);
    this.#world.edge.request(cluster, method, args, (answer) => {
      // Another one is on, or nobody is there to be cut off.
      const isDone = answer.ok || answer.code === "conflict";
      const what = () => `${method} ${JSON.stringify(args)} is answered ${JSON.stringify(answer)}`;
      this.#world.checks.hold("acknowledged-kept", isDone, what);
    });
  }

  replyLeaves(cluster: SimObject): void {
    const drill = drillOf(cluster);
    if (drill === null) return;
    const what = () => `${cluster.name} answers a node ${drill.untilMs - cluster.now()} ms before its drill is over`;
    this.#world.checks.hold("drilled-as-cut", !this.isCut(cluster), what);
  }

  isCut(cluster: SimObject): boolean {
    const drill = drillOf(cluster);
    const clockMs = cluster.now();
    return drill !== null && drill.endedAtMs === null && clockMs >= drill.startedAtMs && clockMs < drill.untilMs;
  }

  /** At any time each task is somewhere, and what the world has not seen twice was not there twice. */
  look(): void {
    for (const cluster of this.#world.clusters) {
      if (drillOf(cluster) === null) continue;
      const sight = cluster.ask("drillSight", {}) as DrillSight;
      const where = this.#world.broker.ask("whereabouts", { jobs: sight.away }) as Record<string, Whereabouts>;
      const { doubled, lost } = whole(sight, where, this.#standings(where));
      const what = () => `${cluster.name} tells of its drill: ${JSON.stringify({ doubled, lost })}`;
      const isTimed = !UNTIMED.some((kind) => this.#world.happenings.faults.has(kind));
      this.#world.checks.hold("drills-told", lost.length === 0 && (doubled.length === 0 || !isTimed), what);
    }
  }

  #standings(where: Record<string, Whereabouts>): Map<string, Standing[]> {
    return new Map(
      this.#world.clusters.map((cluster) => {
        const jobs = Object.entries(where).flatMap(([id, { clusters }]) => {
          const has = clusters[cluster.name];
          return has ? [[id, has] as const] : [];
        });
        return [cluster.name, cluster.ask("whereabouts", { jobs: Object.fromEntries(jobs) }) as Standing[]];
      }),
    );
  }
}

const drillOf = ({ home }: SimObject): Drill | null =>
  JSON.parse(String(home.query("SELECT drill FROM self")[0]?.drill ?? "null")) as Drill | null;
