/** What has to be done so that a league is as its configuration says: pure, and nothing where it is so already. */
import type { LeagueRequestInput } from "../../src/model/leagueRequest.ts";
import { type PartitionRequestInput, partitionKey, REST, restSpec } from "../../src/model/partition.ts";
import { DEFAULT_POLICY } from "../../src/model/role.ts";
import type { RolePolicyInput } from "../../src/model/roleRequest.ts";
import type { LeagueView, PartitionView, RoleView } from "../../src/model/views.ts";
import { specOfView } from "../shares/partition.ts";
import {
  changesBetween,
  type Outcome,
  type Told,
  toldLeague,
  toldPartition,
  toldRole,
  unusual,
} from "../shares/told.ts";
import type { Configuration, ConfiguredCluster } from "./file.ts";

/** The league as it is, as far as the configuration speaks of it. */
export interface Present {
  league: LeagueView | null;
  roles: readonly RoleView[];
  clusters: readonly PresentCluster[];
}
export interface PresentCluster {
  name: string;
  labels: Record<string, string>;
  /** in their order */
  partitions: readonly PartitionView[];
}

export type Change =
  | { kind: "change-league"; body: LeagueRequestInput }
  | { kind: "put-role"; name: string; body: RolePolicyInput }
  | { kind: "remove-role"; name: string }
  | { kind: "create-cluster"; name: string; labels: Record<string, string> }
  | { kind: "put-partition"; cluster: string; name: string; body: PartitionRequestInput }
  | { kind: "remove-partition"; cluster: string; name: string };

export interface Step {
  kind: "league" | "role" | "cluster" | "partition";
  name: string;
  outcome: Outcome;
  /** in words */
  changes: string[];
  /** null: nothing is to do */
  change: Change | null;
}

/** @param prune removes roles, and partitions of the clusters named, that are not in the configuration */
export function planOf(wanted: Configuration, present: Present, prune: boolean): Step[] {
  const clusters = wanted.clusters.map((cluster) => ({
    cluster,
    now: present.clusters.find(({ name }) => name === cluster.name),
  }));
  return [
    ...leagueSteps(wanted, present),
    ...roleSteps(wanted, present),
    ...clusters.map(({ cluster, now }) => clusterStep(cluster, now)),
    ...clusters.flatMap(({ cluster, now }) => partitionSteps(cluster, now?.partitions ?? [])),
    // What replaces them is there by then.
    ...(prune ? clusters.flatMap(({ cluster, now }) => goneSteps(cluster, now?.partitions ?? [])) : []),
    ...(prune ? goneRoles(wanted, present) : []),
  ];
}

function leagueSteps({ league }: Configuration, present: Present): Step[] {
  if (league === null || present.league === null) return [];
  const changes = changesBetween(toldLeague(present.league), toldLeague({ ...present.league, ...league.settings }));
  return [step("league", "", true, changes, { kind: "change-league", body: league.body })];
}

function roleSteps({ roles }: Configuration, present: Present): Step[] {
  return (roles ?? []).map(({ name, body, policy }) => {
    const now = present.roles.find((role) => role.name === name && role.configured);
    const changes = toldChanges(now && toldRole(now), toldRole(DEFAULT_POLICY), toldRole(policy));
    return step("role", name, now !== undefined, changes, { kind: "put-role", name, body });
  });
}

function clusterStep({ name, labels }: ConfiguredCluster, now: PresentCluster | undefined): Step {
  const wanted = labels ?? {};
  const changes = now ? [] : Object.entries(wanted).map(([label, value]) => `${label}=${value}`);
  return step("cluster", name, now !== undefined, changes, { kind: "create-cluster", name, labels: wanted });
}

/** Each is put where it belongs while those before it are there already. */
function partitionSteps({ name: cluster, partitions }: ConfiguredCluster, now: readonly PartitionView[]): Step[] {
  const order = now.map(({ name }) => name).filter((name) => name !== REST);
  let made = 0;
  return (partitions ?? []).map(({ name, body, spec }) => {
    const before = now.find((view) => view.name === name);
    const usual = toldPartition(restSpec());
    const changes = toldChanges(before && toldPartition(specOfView(before)), usual, toldPartition(spec));
    const key = partitionKey(cluster, name);
    // A cluster that is still to be made will have this one.
    if (name === REST) {
      return step("partition", key, true, before ? changes : changesBetween(usual, toldPartition(spec)), {
        kind: "put-partition",
        cluster,
        name,
        body,
      });
    }
    const position = made++;
    const at = order.indexOf(name);
    if (at >= 0 && at !== position) changes.push(`position ${at} → ${position}`);
    if (at >= 0) order.splice(at, 1);
    order.splice(position, 0, name);
    return step("partition", key, before !== undefined, changes, {
      kind: "put-partition",
      cluster,
      name,
      body: { ...body, position },
    });
  });
}

function goneSteps({ name: cluster, partitions }: ConfiguredCluster, now: readonly PartitionView[]): Step[] {
  if (partitions === null) return [];
  const kept = new Set([REST, ...partitions.map(({ name }) => name)]);
  return now
    .filter(({ name }) => !kept.has(name))
    .map(({ name }) => gone("partition", partitionKey(cluster, name), { kind: "remove-partition", cluster, name }));
}

function goneRoles({ roles }: Configuration, present: Present): Step[] {
  if (roles === null) return [];
  const kept = new Set(roles.map(({ name }) => name));
  return present.roles
    .filter(({ name, configured }) => configured && !kept.has(name))
    .map(({ name }) => gone("role", name, { kind: "remove-role", name }));
}

const toldChanges = (before: Told | undefined, usual: Told, after: Told): string[] =>
  before ? changesBetween(before, after) : unusual(usual, after);

const gone = (kind: Step["kind"], name: string, change: Change): Step => ({
  kind,
  name,
  outcome: "removed",
  changes: [],
  change,
});

function step(kind: Step["kind"], name: string, isThere: boolean, changes: string[], change: Change): Step {
  if (!isThere) return { kind, name, outcome: "created", changes, change };
  return changes.length > 0
    ? { kind, name, outcome: "changed", changes, change }
    : { kind, name, outcome: "unchanged", changes, change: null };
}
