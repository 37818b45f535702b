/**
 * Where a task that has a right to it could start: on what is free, or on what others have beyond what they are promised.
 * Only where nothing hinders it: no slice, no owner who lends less than all, no drain, no drill.
 */

import { partitionsOf } from "../../../src/cluster/partitions.ts";
import { type PartitionSpec, REST } from "../../../src/model/partition.ts";
import { add, fits, type Resources, subtract } from "../../../src/model/resources.ts";
import { isWithin, lineage } from "../../../src/model/role.ts";
import type { AgentHost } from "../world/agentHost.ts";
import type { SimObject } from "../world/simObject.ts";
import type { World } from "../world/world.ts";
import { lostOf } from "./lost.ts";
import type { Attempt, Promised, Waiter } from "./promised.ts";

export type RoomKind = "free" | "lent";

export interface Node {
  name: string;
  attributes: Record<string, string>;
  /** CLUSTER/PARTITION */
  partition: string;
  owner: string | null;
  capacity: Resources;
  free: Resources;
  attempts: readonly Attempt[];
}

export class Spare {
  readonly #promised: Promised;
  /** by cluster; null: something hinders that all of it is used */
  readonly #nodes: ReadonlyMap<string, readonly Node[] | null>;

  constructor(world: World, promised: Promised) {
    this.#promised = promised;
    this.#nodes = new Map(world.clusters.map((cluster) => [cluster.name, nodesOf(world, cluster, promised.attempts)]));
  }

  /** By CLUSTER/PARTITION. */
  get #owners(): ReadonlyMap<string, string | null> {
    const all = [...this.#nodes.values()].flatMap((nodes) => nodes ?? []);
    return new Map(all.map(({ partition, owner }) => [partition, owner]));
  }

  /** Nothing hinders that all of the cluster is used. */
  isOpen(cluster: string): boolean {
    return (this.#nodes.get(cluster) ?? null) !== null;
  }

  /** In these clusters, in which nothing hinders that all is used; null: in all. */
  nodesIn(clusters: readonly string[] | null): Node[] {
    return [...this.#nodes].flatMap(([name, nodes]) =>
      clusters === null || clusters.includes(name) ? (nodes ?? []) : [],
    );
  }

  /** Of the machines that are there. */
  inAll(): Resources {
    return this.nodesIn(null).reduce<Resources>((all, { capacity }) => add(all, capacity), {});
  }

  /** @returns null: nowhere, or it cannot be said */
  roomFor(waiter: Waiter): { kind: RoomKind; where: string } | null {
    const clusters = [...this.#nodes].filter(([name]) => waiter.clusters === null || waiter.clusters.includes(name));
    const all = clusters.flatMap(([, nodes]) => nodes ?? []);
    const large = all.filter(({ capacity }) => fits(waiter.demand, capacity));
    const withGangs = new Set(
      this.#promised.attempts.filter(({ isOfGang }) => isOfGang).map((one) => `${one.cluster}/${one.partition}`),
    );
    // What an owner needs more of than is free is kept for it.
    const isAnyones = ({ owner, partition }: Node) =>
      !withGangs.has(partition) && (owner === null || isWithin(waiter.role, owner));
    const free = large.find((node) => fits(waiter.demand, node.free) && isAnyones(node));
    if (free) return { kind: "free", where: free.name };
    // It may have its part in any of them.
    if (clusters.some(([, nodes]) => nodes === null)) return null;
    const open = Map.groupBy(large, ({ partition }) => partition);
    for (const [partition, nodes] of open) if (isOwnersAlone(partition, nodes)) open.delete(partition);
    const partitions = [...open].map(
      ([partition, nodes]) => [partition, nodes.find((node) => this.#canBeCleared(node, waiter))] as const,
    );
    if (partitions.length === 0 || partitions.some(([, node]) => node === undefined)) return null;
    return { kind: "lent", where: partitions.map(([partition, node]) => `${node?.name} of ${partition}`).join(", ") };
  }

  #canBeCleared({ free, attempts, partition, owner }: Node, { role, demand }: Waiter): boolean {
    let room = free;
    const gone: Attempt[] = [];
    for (const attempt of attempts) {
      if (fits(demand, room)) return true;
      if (!attempt.isSingle || `${attempt.cluster}/${attempt.partition}` !== partition) continue;
      if (isWithin(attempt.role, role) || !this.#isBeyond(attempt, owner, gone, role)) continue;
      gone.push(attempt);
      room = add(room, attempt.resources);
    }
    return fits(demand, room);
  }

  /** Its role, and all above that who asks is not under, keep what they are promised without it. */
  #isBeyond(attempt: Attempt, owner: string | null, gone: readonly Attempt[], asks: string): boolean {
    return lineage(attempt.role).every((above) => {
      if (isWithin(asks, above)) return true;
      if (owner !== null && isWithin(owner, above)) return false;
      const left = this.#promised.hasKnown(above, (other) => {
        if (other === attempt || gone.includes(other)) return false;
        const theirs = this.#owners.get(`${other.cluster}/${other.partition}`) ?? null;
        return theirs === null || !isWithin(theirs, above);
      });
      return Object.entries(this.#promised.of(above)).every(([name, amount]) => (left[name] ?? 0) >= amount);
    });
  }
}

/** All that runs there is its owner's: nothing of it is anyone else's part. */
const isOwnersAlone = (partition: string, nodes: readonly Node[]): boolean =>
  nodes.every(({ owner, attempts }) =>
    attempts.every(
      (one) => owner !== null && isWithin(one.role, owner) && `${one.cluster}/${one.partition}` === partition,
    ),
  );

function nodesOf(world: World, cluster: SimObject, attempts: readonly Attempt[]): Node[] | null {
  const specs = cluster.home
    .query("SELECT spec FROM partition ORDER BY position")
    .map(({ spec }) => JSON.parse(String(spec)) as PartitionSpec);
  if (!isOpen(cluster, specs)) return null;
  const owners = new Map(specs.map(({ name, owner }) => [name, owner]));
  return world.agents
    .filter((agent) => agent.claims.cluster === cluster.name && isThere(cluster, agent))
    .map((agent) => {
      const { claims, machine } = agent;
      const attributes = { ...machine.attributes, node: claims.node, cluster: cluster.name };
      const [partition = REST] = partitionsOf(specs, attributes);
      const there = attempts.filter((one) => one.cluster === cluster.name && one.node === claims.node);
      return {
        name: claims.node,
        attributes,
        partition: `${cluster.name}/${partition}`,
        owner: owners.get(partition) ?? null,
        capacity: machine.capacity,
        free: freeOn(cluster, agent, there),
        attempts: there,
      };
    });
}

/** All of it is lent, nothing keeps it empty, and nothing may be running that nobody knows of. */
function isOpen(cluster: SimObject, specs: readonly PartitionSpec[]): boolean {
  const [self] = cluster.home.query("SELECT drain, drill FROM self");
  const drill = JSON.parse(String(self?.drill ?? "null")) as { endedAtMs: number | null } | null;
  const isClosed = ({ lend, slice }: PartitionSpec) =>
    slice !== null || lend === "none" || Object.keys(lend).length > 0;
  const isUsed = self?.drain === null && (drill === null || drill.endedAtMs !== null);
  return isUsed && !specs.some(isClosed) && lostOf(cluster).every(({ tasks }) => tasks === 0);
}

function isThere({ home }: SimObject, { alive, claims }: AgentHost): boolean {
  const [node] = home.query(
    `SELECT 1 FROM node WHERE name = ? AND serial = ? AND paused = 0 AND removed = 0 AND drain IS NULL
       AND NOT EXISTS (SELECT 1 FROM silence WHERE silence.node = node.name)`,
    claims.node,
    claims.serial,
  );
  return alive && node !== undefined;
}

/** Of what the machine has, less what may run there; none where something is held for frameworks. */
function freeOn({ home }: SimObject, { machine, claims }: AgentHost, there: readonly Attempt[]): Resources {
  const isHeld =
    home.query(
      "SELECT 1 FROM offer WHERE node = ? UNION ALL SELECT 1 FROM reservation WHERE node = ?",
      claims.node,
      claims.node,
    ).length > 0;
  if (isHeld) return {};
  return there.reduce((free, { resources }) => subtract(free, resources), machine.capacity);
}
