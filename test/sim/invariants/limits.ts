/**
 * Holds what lives on the machines against what roles may use and what owners lend: the most that any wish of a person
 * ever allowed, since wishes arrive late, and what was handed out before goes on.
 */
import type { PartitionSpec } from "../../../src/model/partition.ts";
import { add, formatResources, type Resources } from "../../../src/model/resources.ts";
import { isWithin, lineage, type RolePolicy } from "../../../src/model/role.ts";
import type { SimProcess } from "../world/machine.ts";
import type { SimObject } from "../world/simObject.ts";
import type { World } from "../world/world.ts";

interface Alive {
  role: string;
  resources: Resources;
  sinceMs: number;
  /** `CLUSTER/PARTITION` it was handed out in */
  partition: string;
}

interface Lent {
  owner: string;
  most: Resources;
}

export class Limits {
  readonly #world: World;
  /** a resource that is not named was not always limited */
  readonly #limits = new Map<string, Resources>();
  /** partitions that have had the same owner since the beginning */
  readonly #lent = new Map<string, Lent>();
  readonly #alive = new Map<SimProcess, Alive>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Before the first job. */
  setRole(name: string, { limit }: RolePolicy): void {
    this.#limits.set(name, limit);
  }

  changeRole(name: string, policy: RolePolicy | null): void {
    const before = this.#limits.get(name);
    if (before) this.#limits.set(name, laxer(before, policy?.limit ?? {}));
  }

  setPartitions(cluster: string, specs: readonly PartitionSpec[]): void {
    for (const { name, owner, lend } of specs) {
      if (owner !== null) this.#lent.set(`${cluster}/${name}`, { owner, most: amountsOf(lend) });
    }
  }

  /** Whatever its nodes are, what was handed out in it counts in it. */
  changePartition(cluster: string, { name, owner, lend }: PartitionSpec): void {
    const before = this.#lent.get(`${cluster}/${name}`);
    if (before?.owner === owner) before.most = laxer(before.most, amountsOf(lend));
    else this.#lent.delete(`${cluster}/${name}`);
  }

  /** What is adopted counts where it can, and what frameworks had there nobody knows where: each in its role as before. */
  rowsLost(cluster: string): void {
    for (const key of [...this.#lent.keys()]) if (key.startsWith(`${cluster}/`)) this.#lent.delete(key);
  }

  /** What was handed out after the backup is charged to nobody until it has ended. */
  brokerRestored(backupAtMs: number): void {
    for (const [process, { sinceMs }] of [...this.#alive]) if (sinceMs >= backupAtMs) this.#alive.delete(process);
  }

  started(cluster: SimObject, process: SimProcess): void {
    if (!this.#world.isAtMostOne(process.task)) return;
    const { role, resources } = process.template;
    const partition = `${cluster.name}/${partitionOf(cluster, process)}`;
    this.#alive.set(process, { role, resources, partition, sinceMs: this.#world.timeline.nowMs });
    for (const above of lineage(role)) this.#holdLimit(above, process);
    this.#holdLend(partition, process);
  }

  ended(process: SimProcess): void {
    this.#alive.delete(process);
  }

  #holdLimit(role: string, process: SimProcess): void {
    const limit = this.#limits.get(role);
    if (!limit || Object.keys(limit).length === 0) return;
    const used = this.#sum((alive) => isWithin(alive.role, role));
    this.#world.checks.hold(
      "limits-kept",
      isBounded(used, limit),
      () =>
        `${process.key} starts on ${process.machine}: role ${role} uses ${formatResources(used)}, its limit is ${formatResources(limit)}`,
    );
  }

  #holdLend(partition: string, process: SimProcess): void {
    const lent = this.#lent.get(partition);
    if (!lent || isWithin(process.template.role, lent.owner) || Object.keys(lent.most).length === 0) return;
    const used = this.#sum((alive) => alive.partition === partition && !isWithin(alive.role, lent.owner));
    this.#world.checks.hold(
      "limits-kept",
      isBounded(used, lent.most),
      () =>
        `${process.key} starts on ${process.machine}: others than ${lent.owner} use ${formatResources(used)} of ${partition}, which lends ${formatResources(lent.most)}`,
    );
  }

  #sum(counts: (alive: Alive) => boolean): Resources {
    let used: Resources = {};
    for (const [process, alive] of this.#alive)
      if (counts(alive) && !this.#world.watch.mayBeDoubled(process)) used = add(used, alive.resources);
    return used;
  }
}

/** null: the rows of it are lost */
function partitionOf({ home }: SimObject, { task, epoch }: SimProcess): string | null {
  const dot = task.lastIndexOf(".");
  const row = home.query(
    'SELECT partition FROM task WHERE job = ? AND "index" = ? AND epoch = ?',
    task.slice(0, dot),
    Number(task.slice(dot + 1)),
    epoch,
  )[0];
  return row ? String(row.partition) : null;
}

const isBounded = (used: Resources, most: Resources): boolean =>
  Object.entries(most).every(([name, bound]) => (used[name] ?? 0) <= bound);

/** By resource the higher; what either leaves open is open. */
function laxer(a: Resources, b: Resources): Resources {
  const both: Record<string, number> = {};
  for (const [name, bound] of Object.entries(a)) {
    const other = b[name];
    if (other !== undefined) both[name] = Math.max(bound, other);
  }
  return both;
}

/** What is lent at the very most; a part in percent is left open, for nodes come and go. */
function amountsOf(lend: PartitionSpec["lend"]): Resources {
  if (lend === "none") return { cpus: 0, mem: 0 };
  const most: Record<string, number> = {};
  for (const [name, wanted] of Object.entries(lend)) if ("amount" in wanted) most[name] = wanted.amount;
  return most;
}
