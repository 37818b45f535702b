/** The clusters of a league as the Broker knows them: from what they report. */

import { type PartitionKey, parsePartitionKey } from "../model/partition.ts";
import { Problem } from "../model/problems.ts";
import { add, type Resources } from "../model/resources.ts";
import type { ClusterView } from "../model/views.ts";
import type { Report } from "../protocol/levels.ts";
import type { RoundPartition } from "../scheduling/input.ts";
import { answerOnce } from "./access.ts";
import type { Idempotency, Page } from "./methods.ts";
import { charged, type JobMemory, sumOf } from "./state.ts";
import type { BrokerStore, ClusterRow } from "./store.ts";

export class Fleet {
  readonly #store: BrokerStore;
  readonly #clusters = new Map<string, ClusterRow>();

  constructor(store: BrokerStore) {
    this.#store = store;
    for (const row of store.clusters()) this.#clusters.set(row.name, row);
  }

  has(name: string): boolean {
    return this.#clusters.get(name)?.removed === false;
  }

  names(): string[] {
    return [...this.#clusters.values()]
      .filter((row) => !row.removed)
      .map((row) => row.name)
      .sort();
  }

  /** Sorted by cluster, each cluster's in its own order. */
  partitions(): RoundPartition[] {
    return this.names().flatMap((cluster) =>
      this.#row(cluster).partitions.map(({ total: _, ...level }) => ({ cluster, ...level })),
    );
  }

  /** Whatever state its nodes are in. */
  total(): Resources {
    let total: Resources = {};
    for (const name of this.names()) for (const level of this.#row(name).partitions) total = add(total, level.total);
    return total;
  }

  /** As a person names what is drained there: `cluster north`, `2 nodes of south`. */
  drained(): Map<string, string> {
    const names = new Map<string, string>();
    for (const name of this.names()) {
      const { drain, drained = 0 } = this.#row(name).nodes;
      if (drain) names.set(name, `cluster ${name}`);
      else if (drained > 0) names.set(name, `${drained === 1 ? "a node" : `${drained} nodes`} of ${name}`);
    }
    return names;
  }

  ownerOf(key: PartitionKey): string | null {
    const { cluster, partition } = parsePartitionKey(key);
    return this.#clusters.get(cluster)?.partitions.find(({ name }) => name === partition)?.owner ?? null;
  }

  /** Clusters with nodes whose partitions are not known: an earlier version has written their rows. */
  unheard(): string[] {
    return this.names().filter((name) => {
      const { nodes, partitions } = this.#row(name);
      return nodes.total > 0 && partitions.length === 0;
    });
  }

  incarnation(name: string): number {
    return this.#clusters.get(name)?.incarnation ?? 0;
  }

  /** `reborn`: it began anew, `changed`: other levels, `rooms`: only what is free for frameworks; an `old` report changes nothing. */
  heard(report: Report): "unknown" | "old" | "reborn" | "changed" | "rooms" | "same" {
    const row = this.#clusters.get(report.cluster);
    if (!row || row.removed) return "unknown";
    if (report.incarnation < row.incarnation || (report.incarnation === row.incarnation && report.rev <= row.rev))
      return "old";
    const reborn = row.incarnation !== 0 && report.incarnation > row.incarnation;
    const changed =
      report.incarnation !== row.incarnation ||
      JSON.stringify([withoutRooms(report.partitions), withoutLeft(report.nodes)]) !==
        JSON.stringify([withoutRooms(row.partitions), withoutLeft(row.nodes)]);
    const areRoomsOther = JSON.stringify(report.partitions) !== JSON.stringify(row.partitions);
    const isLeft = report.nodes.drain?.left !== row.nodes.drain?.left;
    Object.assign(row, {
      incarnation: report.incarnation,
      rev: report.rev,
      partitions: report.partitions,
      nodes: report.nodes,
    });
    // The rev alone is not worth a row: grants keep theirs.
    if (changed || isLeft) this.#save(row);
    return reborn ? "reborn" : changed ? "changed" : areRoomsOther ? "rooms" : "same";
  }

  create(
    args: { name: string; labels: Record<string, string>; idempotency: Idempotency | null },
    now: number,
  ): { view: ClusterView; isNew: boolean } {
    let isNew = false;
    const view = answerOnce(this.#store, args.idempotency, now, () => {
      if (this.has(args.name)) throw new Problem("conflict", `there is a cluster ${args.name} already`);
      isNew = true;
      const before = this.#clusters.get(args.name);
      const row: ClusterRow = {
        name: args.name,
        labels: args.labels,
        incarnation: before?.incarnation ?? 0,
        rev: before?.rev ?? 0,
        partitions: [],
        nodes: { up: 0, silent: 0, total: 0 },
        removed: false,
        createdAt: now,
      };
      this.#clusters.set(row.name, row);
      this.#save(row);
      return this.#view(row, []);
    });
    return { view, isNew };
  }

  remove(name: string, jobs: Iterable<JobMemory>): ClusterView {
    const row = this.#row(name);
    if (row.nodes.total > 0) {
      throw new Problem(
        "conflict",
        `cluster ${name} still has ${row.nodes.total} nodes; remove them first (hansa nodes rm ${name}/NODE)`,
      );
    }
    for (const job of jobs) {
      if ((job.grants.get(name)?.supply.length ?? 0) > 0)
        throw new Problem("conflict", `cluster ${name} still holds tasks of job ${job.id}; cancel it or let it end`);
    }
    row.removed = true;
    this.#save(row);
    return this.#view(row, []);
  }

  list({ after, limit }: { after: string | null; limit: number }, jobs: Iterable<JobMemory>): Page<ClusterView> {
    const all = [...jobs];
    const names = this.names().filter((name) => after === null || name > after);
    const page = names.slice(0, limit);
    return {
      items: page.map((name) => this.#view(this.#row(name), all)),
      next: names.length > limit ? (page.at(-1) ?? null) : null,
    };
  }

  view(name: string, jobs: Iterable<JobMemory>): ClusterView {
    return this.#view(this.#row(name), jobs);
  }

  /** Without what is free and offered: of thousands of kinds of nodes that is more than a row may hold. */
  #save(row: ClusterRow): void {
    const partitions = row.partitions.map(({ rooms: _, ...level }) => ({ ...level, offered: {} }));
    this.#store.saveCluster({ ...row, partitions });
  }

  #row(name: string): ClusterRow {
    const row = this.#clusters.get(name);
    if (!row || row.removed)
      throw new Problem("not-found", `there is no cluster ${name}; there are ${this.names().join(", ") || "none yet"}`);
    return row;
  }

  #view(row: ClusterRow, jobs: Iterable<JobMemory>): ClusterView {
    let used: Resources = {};
    for (const job of jobs) {
      const grant = job.grants.get(row.name);
      if (grant) used = add(used, job.template.resources, sumOf(charged(grant)));
    }
    const { up, silent, drained = 0, total, drain = null } = row.nodes;
    const capacity = row.partitions.reduce((sum: Resources, { usable }) => add(sum, usable), {});
    return {
      name: row.name,
      labels: row.labels,
      state: drain === null ? "up" : drain.left === 0 ? "drained" : "draining",
      nodes: { up, silent, drained, total },
      drain,
      partitions: row.partitions.map((level) => level.name),
      capacity,
      charged: used,
      createdAt: row.createdAt,
    };
  }
}

/** What is free and offered changes with every task: only frameworks ask for it, and it is told again when it is asked for. */
const withoutRooms = (partitions: Report["partitions"]): unknown =>
  partitions.map(({ rooms: _, offered: __, ...rest }) => rest);

/** How much is left on what is drained changes with every end there, and nothing for the round. */
const withoutLeft = ({ drain, ...nodes }: Report["nodes"]): unknown => ({
  ...nodes,
  drain: drain && { ...drain, left: 0 },
});
