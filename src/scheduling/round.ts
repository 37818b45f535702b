/**
 * The round: how many tasks of each job may run in each partition at once. Pure. First what would be fair if nothing
 * ran yet, by shares and place; then what of it may be granted now, beside what runs.
 */
import { admit } from "./filling/admit.ts";
import { factsOf } from "./filling/facts.ts";
import { fill } from "./filling/fill.ts";
import { stopOf } from "./filling/stops.ts";
import { type Counts, type Filling, openFilling } from "./filling/wants.ts";
import type { Limits, RoundInput, RoundResult, Stop } from "./input.ts";
import { resourcesOf } from "./shares/axes.ts";
import { LEAGUE } from "./shares/tree.ts";

export function round(input: RoundInput): RoundResult {
  const facts = factsOf(input);
  const filling = openFilling(facts);
  fill(filling, filling.wants);
  const entitled = filling.wants.map((want) => want.taken);
  const isFresh = input.jobs.every((job) => [...job.held.values()].every(({ charged }) => charged === 0));
  const stops = stopsOf(filling);
  return {
    limits: named(filling, isFresh ? entitled : admit(facts, entitled)),
    entitled: named(filling, entitled),
    stops,
    roles: rolesOf(filling),
    contended: [...stops.values()].some(({ kind }) => kind === "share" || kind === "space" || kind === "lend-limit"),
  };
}

function named({ wants, rooms }: Filling, counts: readonly Counts[]): Limits {
  const limits: Limits = new Map();
  for (const [i, { job }] of wants.entries()) {
    const byKey = new Map<string, number>();
    for (const { key, index } of rooms) {
      const tasks = counts[i]?.get(index) ?? 0;
      if (tasks > 0) byKey.set(key, tasks);
    }
    limits.set(job.id, byKey);
  }
  return limits;
}

function stopsOf(filling: Filling): Map<string, Stop> {
  const holders = new Map<number, number>();
  for (const { taken } of filling.wants)
    for (const index of taken.keys()) holders.set(index, (holders.get(index) ?? 0) + 1);
  return new Map(filling.wants.map((want) => [want.job.id, stopOf(filling, want, holders)]));
}

/** Those that have jobs, in them or under them. */
function rolesOf({ tree }: Filling): RoundResult["roles"] {
  const roles: RoundResult["roles"] = new Map();
  for (const { path, age, used, share } of tree.roles.values()) {
    if (path !== LEAGUE && Number.isFinite(age)) roles.set(path, { entitled: resourcesOf(tree.axes, used), share });
  }
  return roles;
}
