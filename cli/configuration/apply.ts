/** Makes a league as its configuration says, step by step, and says of each thing what became of it. */
import { Problem } from "../../src/model/problems.ts";
import type { Client } from "../api/client.ts";
import { createCluster, listClusters } from "../api/endpoints.ts";
import {
  changeLeague,
  getLeague,
  listPartitions,
  listRoles,
  putPartition,
  putRole,
  removePartition,
  removeRole,
} from "../api/shares.ts";
import { outcomeLine } from "../shares/told.ts";
import type { Configuration } from "./file.ts";
import { type Change, type Present, planOf, type Step } from "./plan.ts";

export async function readPresent(client: Client, wanted: Configuration): Promise<Present> {
  const [league, roles, all] = await Promise.all([
    wanted.league && getLeague(client),
    wanted.roles === null ? [] : listRoles(client),
    wanted.clusters.length === 0 ? [] : listClusters(client),
  ]);
  const named = all.filter(({ name }) => wanted.clusters.some((cluster) => cluster.name === name));
  const clusters = await Promise.all(
    named.map(async ({ name, labels }) => ({ name, labels, partitions: await listPartitions(client, name) })),
  );
  return { league, roles, clusters };
}

/** @param told is called for each step when it is done. @throws Problem at the first that the broker refuses */
export async function perform(
  client: Client,
  steps: readonly Step[],
  told: (step: Step, notes: readonly string[]) => void,
): Promise<void> {
  for (const step of steps) {
    const notes =
      step.change === null ? [] : await carryOut(client, step.change).catch((error) => throwFor(step, error));
    told(step, notes);
  }
}

function throwFor(step: Step, error: unknown): never {
  if (!(error instanceof Problem)) throw error;
  throw new Problem(error.code, `${thingOf(step)}: ${error.detail}`, error.extra);
}

/** @returns what looks like a mistake and may yet be meant */
async function carryOut(client: Client, change: Change): Promise<readonly string[]> {
  const view = await carriedOut(client, change);
  return "notes" in view ? view.notes : [];
}

function carriedOut(client: Client, change: Change) {
  switch (change.kind) {
    case "change-league":
      return changeLeague(client, change.body);
    case "put-role":
      return putRole(client, change.name, change.body);
    case "remove-role":
      return removeRole(client, change.name);
    case "create-cluster":
      return createCluster(client, change.name, change.labels);
    case "put-partition":
      return putPartition(client, change.cluster, change.name, change.body);
    case "remove-partition":
      return removePartition(client, change.cluster, change.name);
  }
}

const thingOf = ({ kind, name }: Step): string => (name === "" ? kind : `${kind} ${name}`);

export const stepLine = (step: Step): string => outcomeLine(thingOf(step), step.outcome, step.changes);

/** `2 created, 1 changed, 5 unchanged` */
export function countLine(steps: readonly Step[]): string {
  const counts = (["created", "changed", "removed", "unchanged"] as const).map((outcome) => ({
    outcome,
    n: steps.filter((step) => step.outcome === outcome).length,
  }));
  return (
    counts
      .filter(({ n }) => n > 0)
      .map(({ outcome, n }) => `${n} ${outcome}`)
      .join(", ") || "nothing to do"
  );
}

/** A cluster's labels are given when it is made, and stay. */
export const labelNotes = (wanted: Configuration, present: Present): string[] =>
  wanted.clusters.flatMap(({ name, labels }) => {
    const now = present.clusters.find((cluster) => cluster.name === name);
    if (!now || labels === null || isSame(now.labels, labels)) return [];
    const told = Object.entries(now.labels).map((pair) => pair.join("="));
    return [`cluster ${name} keeps its labels (${told.join(", ") || "none"}): they are set when it is created`];
  });

const isSame = (a: Record<string, string>, b: Record<string, string>): boolean =>
  Object.keys({ ...a, ...b }).every((name) => a[name] === b[name]);

/** All of it, for whoever has nothing to ask. */
export async function applyConfiguration(
  client: Client,
  wanted: Configuration,
  told: (step: Step) => void,
): Promise<void> {
  await perform(client, planOf(wanted, await readPresent(client, wanted), false), told);
}
