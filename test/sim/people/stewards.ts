/**
 * The people who run a league: they set it up, change roles, partitions and what rounds aim at while it works, over
 * the same faulty network as everyone, and in the end let everything be lent again, so that all can end.
 */
import { type PartitionSpec, REST } from "../../../src/model/partition.ts";
import type { RolePolicy } from "../../../src/model/role.ts";
import type { RoleView } from "../../../src/model/views.ts";
import { LOOK_AGAIN_MS } from "../world/network.ts";
import type { Chance } from "../world/random.ts";
import type { SimObject } from "../world/simObject.ts";
import type { World } from "../world/world.ts";
import {
  drawLeague,
  drawPartition,
  drawPartitions,
  drawRole,
  drawSettings,
  type LeagueDraw,
  PARTITIONS,
} from "./league.ts";
import type { Rivalry } from "./rivals.ts";

const AFTER_REBUILD_MS = 10_000;

export class Stewards {
  readonly league: LeagueDraw;
  readonly #world: World;
  readonly #chance: Chance;
  readonly #policies = new Map<string, RolePolicy>();
  /** by cluster */
  readonly #specs = new Map<string, Map<string, PartitionSpec>>();

  constructor(world: World, chance: Chance) {
    this.#world = world;
    this.#chance = chance;
    this.league = drawLeague(chance);
  }

  /** Before anyone else is there: nothing gets lost. */
  setUp(): void {
    const { broker, clusters, limits } = this.#world;
    for (const { name, policy } of this.league.roles) {
      broker.ask("putRole", { name, policy });
      this.#policies.set(name, policy);
      limits.setRole(name, policy);
    }
    if (Object.keys(this.league.settings).length > 0) broker.ask("changeLeague", this.league.settings);
    for (const cluster of clusters) {
      const specs = drawPartitions(this.#chance, cluster.name, this.league.names);
      for (const spec of specs) cluster.ask("putPartition", { spec, position: null });
      this.#specs.set(cluster.name, new Map(specs.map((spec) => [spec.name, spec])));
      limits.setPartitions(cluster.name, specs);
    }
  }

  /** What they will want otherwise, and when. */
  schedule(untilMs: number): void {
    const changes = this.#chance.of(0.6) ? this.#chance.int(1, 5) : 0;
    for (let i = 0; i < changes; i++) {
      const change = this.#chance.pick(CHANGES);
      this.#world.timeline.at(this.#chance.int(5_000, untilMs - 1), () => this[change]());
    }
  }

  /** Long after the faults. */
  promise({ promise }: Rivalry): void {
    if (promise === null) return;
    const { role, policy, atMs } = promise;
    this.#world.timeline.at(atMs, () => {
      if (this.#world.happenings.isWanted("promise", role)) this.#putRole(role, policy);
    });
  }

  changePartition(): void {
    const cluster = this.#chance.pick(this.#world.clusters);
    const spec = drawPartition(this.#chance, this.#chance.pick(PARTITIONS), cluster.name, this.league.names);
    this.#put(cluster, spec, this.#chance.of(0.3) ? this.#chance.int(0, 2) : null);
  }

  dropPartition(): void {
    const cluster = this.#chance.pick(this.#world.clusters);
    this.#remove(cluster, this.#chance.pick(PARTITIONS.filter((name) => name !== REST)));
  }

  changeRole(): void {
    const { name, policy } = drawRole(this.#chance);
    this.#putRole(name, policy);
  }

  dropRole(): void {
    const { name } = drawRole(this.#chance);
    this.#policies.delete(name);
    this.#world.limits.changeRole(name, null);
    this.#ask(this.#world.broker, "removeRole", { name });
  }

  changeLeague(): void {
    this.#ask(this.#world.broker, "changeLeague", drawSettings(this.#chance));
  }

  /** Its owner finds the partitions gone, and mostly makes them again. */
  rebuilt(cluster: SimObject): void {
    this.#world.limits.rowsLost(cluster.name);
    const specs = this.#specs.get(cluster.name) ?? new Map<string, PartitionSpec>();
    this.#specs.set(cluster.name, new Map());
    if (this.#chance.of(0.3)) return;
    this.#world.timeline.after(this.#chance.spread(10, AFTER_REBUILD_MS), () => {
      for (const spec of specs.values()) this.#put(cluster, spec, null);
    });
  }

  /** Whatever roles there are now are theirs again. */
  brokerRestored(): void {
    for (const role of this.#world.broker.ask("roles", {}) as RoleView[]) {
      const { name, configured, weight, guarantee, limit, lend, borrow } = role;
      if (!configured || this.#policies.has(name)) continue;
      const policy = { weight, guarantee, limit, lend, borrow };
      this.#policies.set(name, policy);
      this.#world.limits.changeRole(name, policy);
    }
  }

  /** After the faults: nothing is kept for anyone, and every partition can hold whatever its nodes can. */
  openUp(): void {
    const keepsLimits = this.#chance.of(0.7);
    const open = (): void => {
      for (const [name, policy] of this.#policies) {
        this.#putRole(name, { ...policy, borrow: {}, lend: {}, ...(!keepsLimits && { limit: {} }) });
      }
      for (const cluster of this.#world.clusters) {
        for (const spec of [...(this.#specs.get(cluster.name)?.values() ?? [])]) {
          if (spec.slice !== null) this.#remove(cluster, spec.name);
          else this.#put(cluster, { ...spec, lend: {} }, null);
        }
      }
    };
    open();
    this.#world.timeline.after(LOOK_AGAIN_MS, open);
  }

  #putRole(name: string, policy: RolePolicy): void {
    this.#policies.set(name, policy);
    this.#world.limits.changeRole(name, policy);
    this.#ask(this.#world.broker, "putRole", { name, policy });
  }

  #put(cluster: SimObject, spec: PartitionSpec, position: number | null): void {
    const known = this.#specs.get(cluster.name) ?? new Map<string, PartitionSpec>();
    this.#specs.set(cluster.name, known.set(spec.name, spec));
    this.#world.limits.changePartition(cluster.name, spec);
    this.#ask(cluster, "putPartition", { spec, position });
  }

  /** It stays among those that may be there: an earlier wish for it may come late. */
  #remove(cluster: SimObject, name: string): void {
    this.#ask(cluster, "removePartition", { name });
  }

  #ask(object: SimObject, method: string, args: unknown): void {
    const { faulty, happenings } = this.#world;
    if (faulty && !happenings.isWanted(method, object.name)) return;
    this.#world.trace(() => `a person asks ${object.name} to ${method} ${JSON.stringify(args)}`);
    this.#world.edge.request(object, method, args, (answer) => {
      // What is not there cannot be removed; anything else must be done.
      this.#world.checks.hold(
        "acknowledged-kept",
        answer.ok || answer.code === "not-found",
        () => `${method} ${JSON.stringify(args)} is answered ${JSON.stringify(answer)}`,
      );
    });
  }
}

const CHANGES = [
  "changePartition",
  "changePartition",
  "dropPartition",
  "changeRole",
  "dropRole",
  "changeLeague",
] as const;
