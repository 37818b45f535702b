/**
 * What comes after the end: some of the frameworks are torn down, and when the last wish of people is done the league
 * is left alone for a while. Then it does no more than an idle league may, and nothing is left of what is over.
 */

import { DEFAULT_STOP_AFTER_MS, silenceLimitMs } from "../../../src/model/job.ts";
import type { NodeView } from "../../../src/model/views.ts";
import { RECOVERY_MS } from "../../../src/protocol/levels.ts";
import { RESTORES } from "../faults/restores.ts";
import { LOOK_AGAIN_MS } from "../world/network.ts";
import type { Chance } from "../world/random.ts";
import type { SimObject } from "../world/simObject.ts";
import type { World } from "../world/world.ts";
import { checkLeftovers } from "./leftovers.ts";

/** A while costs each node its polls: of large leagues it is held of some. */
const MANY_NODES = 20;
const PART_OF_LARGE = 0.35;
const TORN_DOWN = 0.6;
/** After the last wish of people Broker and Clusters poke once more. */
const SETTLED_WITHIN_MS = 200_000;
/** Of a Cluster: rows, and what they tell. Each restore raises the generation of all. */
const LOSSES = ["cluster-rebuilt", ...RESTORES];
const POKED_WITHIN_MS = 180_000;
/** What frameworks ran on it before is charged until nothing of it can run any more; the Broker sees so when it pokes. */
const REMEMBERED_MS = RECOVERY_MS + silenceLimitMs(DEFAULT_STOP_AFTER_MS) + POKED_WITHIN_MS + 60_000;
/** Within it Broker and Clusters poke each other, should they have a reason to. */
const QUIET_MS = 200_000;
/** Who rests and was called in vain, a late copy of a handshake it may be, is taken for silent until it polls by itself. */
const RESTED_WITHIN_MS = 930_000;
const LOOK_MS = 30_000;
/** A poll is held for so long. */
const HELD_MS = 25_000;

interface Done {
  calls: ReadonlyMap<string, number>;
  gens: string;
  rows: number;
}

export class Rest {
  readonly #world: World;
  readonly #chance: Chance;
  readonly #calls = new Map<SimObject, Map<string, number>>();

  constructor(world: World, chance: Chance) {
    this.#world = world;
    this.#chance = chance;
  }

  /** Something of the world, and not a person's look, calls an object, or its alarm does. */
  called(object: SimObject, method: string): void {
    const calls = this.#calls.get(object) ?? new Map<string, number>();
    this.#calls.set(object, calls.set(method, (calls.get(method) ?? 0) + 1));
  }

  /** @param run lets time pass */
  async hold(run: (forMs: number) => Promise<void>): Promise<void> {
    const { mood, timeline, machines, schedulers, happenings } = this.#world;
    if (machines.length > MANY_NODES && !this.#chance.of(PART_OF_LARGE)) return;
    for (const scheduler of schedulers) if (this.#chance.of(TORN_DOWN)) scheduler.tearDown();
    const lastWishAtMs = Math.max(timeline.nowMs, mood.faultsEndMs + LOOK_AGAIN_MS);
    const hasLoss = LOSSES.some((kind) => happenings.faults.has(kind));
    const settledAtMs = Math.max(lastWishAtMs + SETTLED_WITHIN_MS, hasLoss ? mood.faultsEndMs + REMEMBERED_MS : 0);
    await run(settledAtMs - timeline.nowMs);
    if (this.#isAnyMissed()) {
      for (let ms = 0; ms < RESTED_WITHIN_MS && this.#isAnyMissed(); ms += LOOK_MS) await run(LOOK_MS);
      await run(SETTLED_WITHIN_MS);
    }
    this.#holdTornDown();
    checkLeftovers(this.#world);
    // Who is there is offered what there is, and a league that offers is not idle.
    const others = schedulers.filter(({ isTornDown }) => !isTornDown);
    for (const scheduler of others) scheduler.tearDown();
    if (others.length > 0) {
      await run(SETTLED_WITHIN_MS);
      this.#holdTornDown();
      checkLeftovers(this.#world);
    }
    // That counts as use of its role, and is told anew every few minutes.
    if (this.#world.clusters.some(isReserved)) return;
    const before = new Map(this.#world.objects.map((object) => [object, this.#doneBy(object)]));
    await run(QUIET_MS);
    for (const [object, done] of before) this.#holdIdle(object, done);
    checkLeftovers(this.#world);
  }

  /** A node that is there is taken for silent. */
  #isAnyMissed(): boolean {
    return this.#world.agents.some((agent) => {
      const { node: name, serial } = agent.claims;
      const cluster = this.#world.clusterOf(agent);
      if (!agent.alive || cluster.home.query("SELECT 1 FROM node WHERE name = ?", name).length === 0) return false;
      const node = cluster.ask("node", { name }) as NodeView;
      return node.serial === serial && node.state === "suspect";
    });
  }

  #holdTornDown(): void {
    for (const { isTornDown, wantsTearDown, plan } of this.#world.schedulers)
      this.#world.checks.hold("nothing-left-behind", isTornDown || !wantsTearDown, () => `${plan.id} is not torn down`);
  }

  #doneBy(object: SimObject): Done {
    const calls = new Map(this.#calls.get(object));
    return { calls, gens: gensOf(object), rows: object.home.rowsWritten };
  }

  #holdIdle(object: SimObject, before: Done): void {
    const { checks, agents } = this.#world;
    const after = this.#doneBy(object);
    checks.hold("league-settles", after.gens === before.gens, () => `${object.name}: ${before.gens} → ${after.gens}`);
    const nodes = agents.filter(({ claims, alive }) => alive && claims.cluster === object.name).length;
    const polls = nodes * (Math.ceil(QUIET_MS / HELD_MS) + 1);
    // Of a Broker somebody reads the events, of a Cluster only nodes want something, and a rest of each ends once at most.
    const most: Record<string, number> =
      object.ref.kind === "cluster"
        ? { message: polls, alarm: nodes }
        : { events: Number.POSITIVE_INFINITY, message: Number.POSITIVE_INFINITY };
    const calls = [...after.calls].map(([method, n]) => [method, n - (before.calls.get(method) ?? 0)] as const);
    checks.hold(
      "league-settles",
      calls.every(([method, n]) => n <= (most[method] ?? 0)) && after.rows === before.rows,
      () =>
        `${object.name} with ${nodes} nodes, left alone: ${calls.map((call) => call.join(" "))}, and writes ${after.rows - before.rows} rows`,
    );
  }
}

/** Something of it is, by a framework that is no more. */
const isReserved = ({ home }: SimObject): boolean => home.query("SELECT 1 FROM reservation").length > 0;

/** Of all that is granted. */
const gensOf = ({ ref, home }: SimObject): string => {
  if (ref.kind === "framework") return "";
  const tables = ref.kind === "broker" ? ['"grant"', "framework_grant"] : ['"grant"', "framework"];
  return tables.map((table) => home.query(`SELECT total(gen) AS gens FROM ${table}`)[0]?.gens).join(" ");
};
