/**
 * A real Broker over clusters that are only played: they report the nodes they are given, run at once what they are
 * granted, and never end it. Enough to ask why something waits, and to see whether a change lets it start.
 */

import { Broker } from "../../src/broker/broker.ts";
import { type JobSpecInput, jobSpecSchema } from "../../src/model/job.ts";
import { parsePartitionKey } from "../../src/model/partition.ts";
import { add, type Resources } from "../../src/model/resources.ts";
import { DEFAULT_POLICY, type RolePolicy } from "../../src/model/role.ts";
import type { ExplainView, JobView } from "../../src/model/views.ts";
import type {
  Grant,
  GrantMessage,
  JobReport,
  PartitionLevel,
  Report,
  ReportAnswer,
  Shape,
} from "../../src/protocol/levels.ts";
import { ObjectHome } from "../sim/nodeSqlite.ts";

/** Amounts in units, as a person says them. */
export type Units = Record<string, number>;
export const milli = (units: Units): Resources =>
  Object.fromEntries(Object.entries(units).map(([name, amount]) => [name, Math.round(amount * 1000)]));

export const nodes = (count: number, capacity: Units, rest: Partial<Shape> = {}): Shape => ({
  count,
  capacity: milli({ mem: 64_000, ...capacity }),
  attributes: { arch: "x64" },
  drivers: ["process"],
  ...rest,
});

/** A partition of just these nodes, all of them up. */
export function part(name: string, shapes: Shape[], rest: Partial<PartitionLevel> = {}): PartitionLevel {
  const total = shapes.reduce((sum: Resources, { capacity, count }) => add(sum, capacity, count), {});
  return {
    name,
    owner: null,
    isSlice: false,
    price: 1,
    speed: 1,
    total,
    usable: total,
    offered: {},
    lendable: {},
    shapes,
    ...rest,
  };
}

class PlayedCluster {
  readonly #league: ToyLeague;
  readonly name: string;
  readonly grants = new Map<string, Grant>();
  /** what it says of a job instead of running it */
  readonly says = new Map<string, Partial<JobReport>>();
  readonly #live = new Map<string, Record<string, number>>();
  partitions: PartitionLevel[];
  #rev = 0;

  constructor(league: ToyLeague, name: string, partitions: PartitionLevel[]) {
    this.#league = league;
    this.name = name;
    this.partitions = partitions;
  }

  apply(grants: readonly Grant[]): void {
    for (const grant of grants)
      if ((this.grants.get(grant.job)?.gen ?? 0) < grant.gen) this.grants.set(grant.job, grant);
  }

  report(): void {
    const up = this.partitions.filter(({ isSlice }) => !isSlice).flatMap(({ shapes }) => shapes);
    const count = up.reduce((n, shape) => n + shape.count, 0);
    const report: Report = {
      cluster: this.name,
      incarnation: 1,
      rev: ++this.#rev,
      partitions: this.partitions,
      nodes: { up: count, silent: 0, total: count },
      events: [],
      used: [],
      usedSince: 1,
      jobs: [...this.grants.values()].map((grant) => ({ ...this.#running(grant), ...this.says.get(grant.job) })),
    };
    this.apply((this.#league.home.call("report", report) as ReportAnswer).grants);
  }

  #running(grant: Grant): JobReport {
    let left = grant.supply.reduce((n, { from, to }) => n + to - from, 0);
    const live = this.#live.get(grant.job) ?? {};
    this.#live.set(grant.job, live);
    for (const running of Object.values(live)) left -= running;
    for (const [name, limit] of Object.entries(grant.limits)) {
      const more = Math.max(0, Math.min(limit - (live[name] ?? 0), left));
      if (more > 0) live[name] = (live[name] ?? 0) + more;
      left -= more;
    }
    return {
      job: grant.job,
      genApplied: grant.gen,
      done: [],
      failed: [],
      cancelled: [],
      returned: [],
      live: { ...live },
      waiting: left,
      reason: null,
      ranMs: 0,
      ran: 0,
      lastFailure: null,
    };
  }
}

export class ToyLeague {
  readonly home: ObjectHome<Broker>;
  readonly #clusters = new Map<string, PlayedCluster>();
  #jobs = 0;

  constructor(clusters: Record<string, PartitionLevel[]>) {
    this.home = new ObjectHome((platform) => new Broker(platform), {
      self: { kind: "broker", league: "toy", name: "" },
    });
    for (const [name, partitions] of Object.entries(clusters)) {
      this.home.call("createCluster", { name, labels: {}, idempotency: null });
      this.#clusters.set(name, new PlayedCluster(this, name, partitions));
    }
    this.settle();
  }

  /** Until nobody has anything new to say. */
  settle(): void {
    for (let i = 0; i < 4; i++) {
      for (const { to, method, args } of this.home.take("call"))
        if (method === "grant") this.cluster(to.name).apply((args as GrantMessage).grants);
      for (const cluster of this.#clusters.values()) cluster.report();
    }
  }

  cluster(name: string): PlayedCluster {
    const cluster = this.#clusters.get(name);
    if (!cluster) throw new Error(`no cluster ${name}`);
    return cluster;
  }

  submit(spec: JobSpecInput): string {
    const id = `job${String(++this.#jobs).padStart(4, "0")}`;
    this.home.call("submit", { id, digest: id, spec: jobSpecSchema.parse(spec) });
    this.settle();
    return id;
  }

  role(name: string, policy: Partial<RolePolicy>): void {
    this.home.call("putRole", { name, policy: { ...DEFAULT_POLICY, ...policy } });
    this.settle();
  }

  /** @param key `CLUSTER/PARTITION` */
  change(key: string, change: (level: PartitionLevel) => PartitionLevel): void {
    const { cluster, partition } = parsePartitionKey(key);
    const played = this.cluster(cluster);
    played.partitions = played.partitions.map((level) => (level.name === partition ? change(level) : level));
    this.settle();
  }

  /** They are up and take what comes. */
  addNodes(key: string, shape: Shape): void {
    this.cluster(parsePartitionKey(key).cluster).says.clear();
    this.change(key, (level) => ({
      ...level,
      total: add(level.total, shape.capacity, shape.count),
      usable: add(level.usable, shape.capacity, shape.count),
      shapes: [...level.shapes, shape],
    }));
  }

  say(cluster: string, job: string, said: Partial<JobReport>): void {
    this.cluster(cluster).says.set(job, said);
    this.settle();
  }

  view(id: string): JobView {
    return this.home.call("job", { id }) as JobView;
  }
  explain(id: string): ExplainView {
    return this.home.call("explain", { id }) as ExplainView;
  }
  /** How many of its tasks run. */
  live(id: string): number {
    return this.view(id).counts.live;
  }

  close(): void {
    this.home.close();
  }
}
