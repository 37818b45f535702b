/**
 * The frameworks of a league: what each is and wants, as its own object says, what it may have in each cluster, as the
 * rounds decide, and what it has there, as the Clusters report.
 */
import { type PartitionKey, parsePartitionKey, partitionKey } from "../model/partition.ts";
import { add, type Resources, subtract } from "../model/resources.ts";
import type { FrameworkRowView } from "../model/views.ts";
import {
  DEFAULT_MINIMUM,
  type FrameworkAnswer,
  type FrameworkGrant,
  type FrameworkLevel,
  type FrameworkReport,
  RESERVED,
} from "../protocol/frameworks.ts";
import type { Report } from "../protocol/levels.ts";
import type { RoundFramework, RoundResult } from "../scheduling/input.ts";
import { forget, remember, told } from "./forgotten.ts";
import { firstGen } from "./generation.ts";
import { SOMEWHERE } from "./state.ts";
import type { BrokerStore, FrameworkGrantRow, FrameworkRow } from "./store.ts";

type Limits = FrameworkGrant["limits"];

interface GrantState extends FrameworkGrantRow {
  /** the newest gen left, and no error came back */
  sent: boolean;
}

interface Known {
  level: FrameworkLevel;
  /** by the framework's name, also of roles that it has left and tasks of which run */
  roles: Record<string, string>;
  grants: Map<string, GrantState>;
  /** by the framework's name of a role: how often it was given more; lost with the memory */
  served: Map<string, number>;
}

export class Frameworks {
  readonly #store: BrokerStore;
  readonly #generation: number;
  readonly #known = new Map<string, Known>();
  /** by cluster: what is set aside there, by the league's role and partition; told again by a Cluster that is asked */
  readonly #reserved = new Map<string, FrameworkReport>();

  constructor(store: BrokerStore, generation: number) {
    this.#store = store;
    this.#generation = generation;
    for (const { id, level, roles } of store.frameworks()) {
      const grants = store
        .frameworkGrants(id)
        .map((row): [string, GrantState] => [row.cluster, { ...row, sent: false }]);
      this.#known.set(id, { level, roles, grants: new Map(grants), served: new Map() });
    }
  }

  get size(): number {
    return this.#known.size;
  }
  get ids(): Iterable<string> {
    return this.#known.keys();
  }

  // What its object says.

  /** @returns whether the league is another by it */
  tell(level: FrameworkLevel): "joined" | "changed" | "left" | "same" {
    const known = this.#known.get(level.id);
    if (known && level.rev <= known.level.rev) return "same";
    if (!known && level.state === "removed") return "same";
    const before = known && JSON.stringify({ ...known.level, rev: 0 });
    const isSame = before === JSON.stringify({ ...level, rev: 0 });
    const one: Known = known ?? { level, roles: {}, grants: new Map(), served: new Map() };
    this.#known.set(level.id, one);
    one.level = level;
    const inUse = [...one.grants.values()].flatMap(({ reported }) => reported?.uses ?? []);
    one.roles = {
      ...Object.fromEntries(Object.entries(one.roles).filter(([name]) => inUse.some(({ role }) => role === name))),
      ...Object.fromEntries(level.roles.map(({ name, role }) => [name, role])),
    };
    this.#save(one);
    if (isSame) return "same";
    // Clusters hear of it with the round.
    for (const grant of one.grants.values()) this.#change(grant, {});
    if (!known) return "joined";
    return level.state === "removed" ? "left" : "changed";
  }

  answer(id: string, clusters: string[]): FrameworkAnswer {
    return { clusters, rev: this.#known.get(id)?.level.rev ?? 0 };
  }

  #save(one: Known): void {
    this.#store.saveFramework(rowOf(one));
  }

  /** For tests: as it is kept in memory. */
  rows(): { framework: FrameworkRow; grants: Iterable<FrameworkGrantRow> }[] {
    return [...this.#known.values()].map((one) => ({ framework: rowOf(one), grants: one.grants.values() }));
  }

  // What Clusters report.

  /** @returns whether a round may decide otherwise */
  heard(report: Report, isReborn: boolean): boolean {
    let isNews = false;
    if (isReborn) {
      this.#reserved.delete(report.cluster);
      for (const [id, known] of this.#known) {
        const grant = known.grants.get(report.cluster);
        if (!grant) continue;
        const here = { ...known, grants: new Map([[report.cluster, grant]]) };
        const had = Object.keys(known.roles).map((name) => inputOf(id, name, here));
        this.#change(grant, { reported: forget(grant, grant.gen + 1, had) });
      }
      isNews = this.#known.size > 0;
    }
    for (const said of report.frameworks ?? []) {
      if (said.framework === RESERVED) {
        isNews ||= JSON.stringify(this.#reserved.get(report.cluster)?.uses ?? []) !== JSON.stringify(said.uses);
        this.#reserved.set(report.cluster, said);
        continue;
      }
      const grant = this.#known.get(said.framework)?.grants.get(report.cluster);
      const isNewer =
        grant &&
        (report.incarnation > grant.incarnation ||
          (report.incarnation === grant.incarnation && report.rev > grant.rev));
      if (!isNewer) continue;
      const reported = remember(grant.reported, said);
      isNews ||=
        JSON.stringify([grant.reported?.uses, grant.reported?.idle]) !== JSON.stringify([said.uses, said.idle]);
      isNews ||= grant.reported?.forgotten !== reported.forgotten;
      // What it was allowed before is free for others now.
      isNews ||=
        !isApplied(grant) &&
        said.genApplied >= grant.gen &&
        Object.keys(grant.earlier).some((role) => isMore(grant.earlier[role], grant.limits[role]));
      Object.assign(grant, { incarnation: report.incarnation, rev: report.rev, reported });
      this.#store.saveFrameworkGrant(grant);
    }
    return isNews;
  }

  /** Those of a report that the league does not have. */
  unknownIn({ frameworks = [] }: Report): string[] {
    return frameworks.flatMap(({ framework: id }) => (id === RESERVED || this.#known.has(id) ? [] : [id]));
  }

  /** It was removed, and has nothing any more; its gens go on, should there be one of this name again. */
  forgetCluster(cluster: string): void {
    this.#reserved.delete(cluster);
    for (const { grants } of this.#known.values()) {
      const grant = grants.get(cluster);
      if (grant) this.#change(grant, { limits: {}, reported: null });
    }
  }

  /** Removed ones of which nothing is anywhere any more. @param clusters of the league */
  forgetGone(clusters: readonly string[]): void {
    for (const [id, { level, grants }] of this.#known) {
      if (level.state !== "removed") continue;
      const isGone = [...grants.values()].every(
        (grant) => !clusters.includes(grant.cluster) || (isApplied(grant) && grant.reported?.isGone === true),
      );
      if (!isGone) continue;
      this.#known.delete(id);
      this.#store.removeFramework(id);
    }
  }

  // Rounds.

  inputs(): RoundFramework[] {
    const inputs: RoundFramework[] = [];
    for (const [id, known] of this.#known) {
      for (const name of Object.keys(known.roles)) inputs.push(inputOf(id, name, known));
      for (const grant of known.grants.values()) inputs.push(...forgottenOf(grant));
    }
    for (const [cluster, { uses }] of this.#reserved) {
      for (const { role, partition, used } of uses)
        inputs.push({
          ...NOBODY,
          key: `${cluster}/${partition} ${role}`,
          role,
          used: new Map([[partitionKey(cluster, partition), used]]),
        });
    }
    return inputs;
  }

  /** By the league's role, what its frameworks use or hold. */
  chargedByRole(): Map<string, Resources> {
    const charged = new Map<string, Resources>();
    const charge = (role: string, amounts: Resources): void => {
      charged.set(role, add(charged.get(role) ?? {}, amounts));
    };
    for (const { role, used, offered } of this.inputs())
      for (const amounts of [...used.values(), ...offered.values()]) charge(role, amounts);
    for (const { grants } of this.#known.values())
      for (const { reported } of grants.values())
        for (const [role, amounts] of Object.entries(reported?.forgotten?.roles ?? {})) charge(role, amounts);
    return charged;
  }

  /** Brings what each may have to what a round decided. */
  follow(offers: RoundResult["offers"], clusters: readonly string[]): void {
    for (const [id, known] of this.#known) {
      const byCluster = new Map<string, Record<string, Record<string, Resources>>>();
      for (const name of Object.keys(known.roles)) {
        const decided = offers.get(keyOf(id, name));
        if (!decided) continue;
        for (const [key, amounts] of decided) {
          const { cluster, partition } = parsePartitionKey(key);
          const there = byCluster.get(cluster) ?? {};
          byCluster.set(cluster, there);
          there[name] = { ...there[name], [partition]: inOrder(amounts) };
        }
      }
      for (const cluster of clusters) this.#grantTo(known, cluster, byCluster.get(cluster) ?? {});
    }
  }

  #grantTo(known: Known, cluster: string, limits: Limits): void {
    const { level, grants, served } = known;
    const grant = grants.get(cluster);
    if (!grant && level.state === "removed") return;
    const before = grant?.limits ?? {};
    const isSame = grant && JSON.stringify(before) === JSON.stringify(limits);
    if (isSame) return;
    for (const name of Object.keys(limits))
      if (isMore(limits[name], before[name])) served.set(name, (served.get(name) ?? 0) + 1);
    const one = grant ?? {
      framework: level.id,
      cluster,
      gen: firstGen(this.#generation),
      limits: {},
      earlier: {},
      incarnation: 0,
      rev: 0,
      reported: null,
      sent: false,
    };
    grants.set(cluster, one);
    this.#change(one, { limits });
  }

  #change(grant: GrantState, changed: Partial<Pick<GrantState, "limits" | "reported">>): void {
    // Until it is heard it may have had what it was told before.
    const earlier = isApplied(grant) ? grant.limits : highest(grant.earlier, grant.limits);
    Object.assign(grant, changed, { earlier, gen: grant.gen + 1, sent: false });
    this.#store.saveFrameworkGrant(grant);
  }

  /** These rows are older than what the league has seen: no gen is given twice. */
  leap(): void {
    for (const { grants } of this.#known.values())
      for (const grant of grants.values()) {
        grant.gen = Math.max(grant.gen + RESTORE_LEAP, firstGen(this.#generation));
        this.#store.saveFrameworkGrant(grant);
      }
  }

  // To the Clusters.

  /** An answer repeats what the Cluster has not confirmed: nobody tells when an answer is lost. */
  unsent(cluster: string, which: "only" | "and unconfirmed" = "only"): FrameworkGrant[] {
    const unsent: FrameworkGrant[] = [];
    for (const { level, grants } of this.#known.values()) {
      const grant = grants.get(cluster);
      if (!grant || isApplied(grant) || (grant.sent && which === "only")) continue;
      grant.sent = true;
      const { gen, limits, reported } = grant;
      unsent.push({ gen, level, limits, ...(reported?.forgotten && { forgotten: told(reported.forgotten) }) });
    }
    return unsent;
  }

  /** A call with it failed: its outcome is unknown. */
  failed(cluster: string, { gen, level }: FrameworkGrant): void {
    const grant = this.#known.get(level.id)?.grants.get(cluster);
    if (grant?.gen === gen) grant.sent = false;
  }

  /** A message may have been lost without anyone having been told. */
  sendAgain(): void {
    for (const { grants } of this.#known.values())
      for (const grant of grants.values()) if (!isApplied(grant)) grant.sent = false;
  }

  // What people see.

  views(): FrameworkRowView[] {
    return [...this.#known].map(([id, { level, grants }]) => {
      const clusters: FrameworkRowView["clusters"] = {};
      for (const { cluster, reported } of grants.values()) {
        let used: Resources = {};
        let offered: Resources = {};
        for (const use of reported?.uses ?? []) {
          used = add(used, use.used);
          offered = add(offered, use.offered);
        }
        for (const amounts of Object.values(reported?.forgotten?.roles ?? {})) used = add(used, amounts);
        clusters[cluster] = { used, offered };
      }
      const { name, user, principal, state } = level;
      return {
        id,
        name,
        user,
        principal,
        state,
        roles: level.roles.map(({ name: own, role, suppressed }) => ({ name: own, role, suppressed })),
        clusters,
      };
    });
  }
}

/** Gens that an older copy of these rows may have given away before it was lost. */
const RESTORE_LEAP = 2 ** 20;

const rowOf = ({ level, roles }: Known): FrameworkRow => ({ id: level.id, level, roles });

const keyOf = (id: string, role: string): string => `${id} ${role}`;

const isApplied = ({ gen, reported }: FrameworkGrantRow): boolean => (reported?.genApplied ?? 0) >= gen;

const NOBODY: RoundFramework = {
  key: "",
  role: "",
  used: new Map(),
  offered: new Map(),
  takes: new Map(),
  wants: "never",
  minimum: [],
  takesGpus: false,
  served: 0,
};

/**
 * Of what its Cluster has forgotten: it counts in limits. Quotas and what is free it takes from nobody, as the nodes tell
 * what runs of it.
 */
const forgottenOf = ({ framework, cluster, reported }: GrantState): RoundFramework[] =>
  Object.entries(reported?.forgotten?.roles ?? {}).map(([role, mayUse]) => ({
    ...NOBODY,
    key: `${framework} ${cluster} ${role}`,
    role,
    mayUse: new Map([[partitionKey(cluster, SOMEWHERE), mayUse]]),
  }));

function inputOf(id: string, name: string, { level, roles, grants, served }: Known): RoundFramework {
  const used = new Map<PartitionKey, Resources>();
  const offered = new Map<PartitionKey, Resources>();
  const mayUse = new Map<PartitionKey, Resources>();
  const takes = new Map<PartitionKey, { nodes: number; amounts: Resources }>();
  const idleIn = new Set<string>();
  for (const grant of grants.values()) {
    if (grant.reported?.idle?.includes(name)) idleIn.add(grant.cluster);
    for (const use of grant.reported?.uses ?? []) {
      if (use.role !== name) continue;
      const key = partitionKey(grant.cluster, use.partition);
      if (hasAny(use.used)) used.set(key, use.used);
      if (hasAny(use.offered)) offered.set(key, use.offered);
      if (use.takes) takes.set(key, use.takes);
    }
    const applied = isApplied(grant);
    const allowed = applied ? grant.limits : highest(grant.earlier, grant.limits);
    for (const [partition, most] of Object.entries(allowed[name] ?? {})) {
      const key = partitionKey(grant.cluster, partition);
      mayUse.set(key, atLeast(subtract(most, used.get(key) ?? {}), offered.get(key) ?? {}));
    }
    if (applied) continue;
    // It may hold all of that by now.
    for (const [partition, limit] of Object.entries(grant.limits[name] ?? {})) {
      const key = partitionKey(grant.cluster, partition);
      offered.set(key, atLeast(subtract(limit, used.get(key) ?? {}), offered.get(key) ?? {}));
    }
  }
  for (const [key, held] of offered) mayUse.set(key, atLeast(mayUse.get(key) ?? {}, held));
  const wish = level.roles.find((one) => one.name === name);
  return {
    key: keyOf(id, name),
    role: roles[name] ?? "",
    used,
    offered,
    mayUse,
    idleIn,
    takes,
    wants: level.state !== "active" || !wish ? "never" : wish.suppressed ? "no" : "more",
    minimum: wish?.minAllocatable ?? DEFAULT_MINIMUM,
    takesGpus: level.capabilities.includes("GPU_RESOURCES"),
    served: served.get(name) ?? 0,
  };
}

const hasAny = (amounts: Resources): boolean => Object.values(amounts).some((amount) => amount > 0);

/** So that the same amounts are the same text. */
const inOrder = (amounts: Resources): Resources =>
  Object.fromEntries(Object.entries(amounts).sort(([a], [b]) => (a < b ? -1 : 1)));

const isMore = (
  now: Readonly<Record<string, Resources>> = {},
  before: Readonly<Record<string, Resources>> = {},
): boolean =>
  Object.entries(now).some(([partition, amounts]) =>
    Object.entries(amounts).some(([name, amount]) => amount > (before[partition]?.[name] ?? 0)),
  );

/** By resource the higher, and nothing less than nothing. */
const atLeast = (a: Resources, b: Resources): Resources =>
  Object.fromEntries(
    [...new Set([...Object.keys(a), ...Object.keys(b)])].map((name) => [name, Math.max(0, a[name] ?? 0, b[name] ?? 0)]),
  );

/** By role, partition and resource the higher of two. */
function highest(a: Limits, b: Limits): Limits {
  const both: Record<string, Record<string, Resources>> = {};
  for (const limits of [a, b])
    for (const [role, partitions] of Object.entries(limits))
      for (const [partition, amounts] of Object.entries(partitions)) {
        const there = both[role] ?? {};
        both[role] = there;
        there[partition] = atLeast(there[partition] ?? {}, amounts);
      }
  return both;
}
