/**
 * The round: how many tasks of each job may run in each partition at once. Pure. First what would be fair if nothing
 * ran yet, by shares and place; then what of it may be granted now, beside what runs.
 */
import type { PartitionKey } from "../model/partition.ts";
import { type Admitted, admit } from "./filling/admit.ts";
import { type Facts, factsOf, type Promised } from "./filling/facts.ts";
import { fill } from "./filling/fill.ts";
import { stopOf } from "./filling/stops.ts";
import { type Counts, type Filling, openFilling, total } from "./filling/wants.ts";
import type { Limits, RoundInput, RoundResult, Stop } from "./input.ts";
import { promisedTo, wantsOf } from "./offering/entitle.ts";
import { offersOf, promisedBy } from "./offering/offer.ts";
import { resourcesOf } from "./shares/axes.ts";
import { LEAGUE } from "./shares/tree.ts";

export function round(input: RoundInput): RoundResult {
  const facts = factsOf(input);
  const filling = openFilling(facts);
  const asked = wantsOf(filling);
  fill(filling, [...filling.wants, ...asked.values()]);
  const entitled = filling.wants.map((want) => want.taken);
  const stops = stopsOf(filling);
  const { limits, claims, yields, offers } = grantedBy(facts, entitled, promisedTo(asked));
  return {
    limits: counted(filling, limits),
    entitled: counted(filling, entitled),
    claims: named(filling, claims),
    yields: named(filling, yields),
    stops,
    roles: rolesOf(filling),
    offers,
    contended: [...stops.values()].some(({ kind }) => kind === "share" || kind === "space" || kind === "lend-limit"),
  };
}

/** @param promised what is fair for frameworks */
function grantedBy(
  facts: Facts,
  entitled: readonly Counts[],
  promised: Promised,
): Admitted & Pick<RoundResult, "offers"> {
  const { jobs, frameworks = [] } = facts.input;
  const runsNothing = jobs.every((job) => [...job.held.values()].every(({ charged }) => charged === 0));
  if (runsNothing && frameworks.every(({ offered, mayUse = offered }) => mayUse.size === 0)) {
    const fresh = { limits: [...entitled], claims: [], yields: [] };
    return { ...fresh, offers: offersOf(facts, { ...fresh, entitled }, promised) };
  }
  let kept = promised;
  for (let time = 1; ; time++) {
    const admitted = admit({ ...facts, promised: kept }, entitled);
    const offers = offersOf(facts, { ...admitted, entitled }, kept);
    const isMet = admitted.limits.every((limit, i) => total(limit) >= total(entitled[i] ?? NOTHING));
    if (frameworks.length === 0 || isMet || time === MOST_TIMES) return { ...admitted, offers };
    // What frameworks cannot be offered of their part now is not kept from jobs that are short.
    kept = promisedBy(facts, offers);
  }
}

/** What frameworks can be offered hangs on what jobs get, and the other way round: so often is one taken from the other. */
const MOST_TIMES = 3;
const NOTHING: Counts = new Map();

function counted(filling: Filling, counts: readonly Counts[]): Limits {
  const limits: Limits = new Map();
  for (const [i, { job }] of filling.wants.entries()) limits.set(job.id, byKey(filling, counts[i]));
  return limits;
}

/** Jobs that have any. */
function named<T>(filling: Filling, found: readonly ReadonlyMap<number, T>[]): Map<string, Map<PartitionKey, T>> {
  const all = new Map<string, Map<PartitionKey, T>>();
  for (const [i, { job }] of filling.wants.entries()) if (found[i]?.size) all.set(job.id, byKey(filling, found[i]));
  return all;
}

function byKey<T>({ rooms }: Filling, found: ReadonlyMap<number, T> = new Map()): Map<PartitionKey, T> {
  const all = new Map<PartitionKey, T>();
  for (const { key, index } of rooms) {
    const one = found.get(index);
    if (one !== undefined && one !== 0) all.set(key, one);
  }
  return all;
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
