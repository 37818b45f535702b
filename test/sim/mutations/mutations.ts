/** The rules that the house rests on, each taken out of the source: a simulator that does not notice is not looking. */

import type { Season } from "../faults/season.ts";
import type { Invariant } from "../invariants/checks.ts";
import { type Patch, Pool } from "../pool.ts";
import type { Story } from "../run.ts";
import { ATTEMPTS } from "./attempts.ts";
import { GUARANTEES } from "./guarantees.ts";
import { LEFTOVERS } from "./leftovers.ts";
import { LEVELS } from "./levels.ts";
import { MACHINES } from "./machines.ts";
import { OFFERS } from "./offers.ts";
import { PROMISES } from "./promises.ts";
import { REASONS_TOLD } from "./reasons.ts";
import { RESTORES } from "./restores.ts";
import { SHELVES } from "./shelves.ts";
import { SILENCE } from "./silence.ts";
import { VERSIONS } from "./versions.ts";
import { WAITS } from "./waits.ts";

export interface Mutation {
  rule: string;
  /** what is so without it */
  so: string;
  /** in whose leagues it is missed; absent: in any */
  season?: Season;
  patches: readonly Patch[];
}

export const MUTATIONS: readonly Mutation[] = [
  ...SILENCE,
  ...ATTEMPTS,
  ...MACHINES,
  ...LEVELS,
  ...RESTORES,
  ...PROMISES,
  ...GUARANTEES,
  ...OFFERS,
  ...WAITS,
  ...SHELVES,
  ...LEFTOVERS,
  ...REASONS_TOLD,
  ...VERSIONS,
];

export interface Caught {
  rule: string;
  season?: Season;
  caught: boolean;
  /** seeds run until the first that noticed, that one included */
  seeds_to_catch?: number;
  /** the invariant that was broken */
  by?: Invariant;
  /** how */
  message?: string;
}

export function mutationOf(rule: string): Mutation {
  const mutation = MUTATIONS.find((one) => one.rule === rule);
  if (!mutation) throw new RangeError(`no rule "${rule}"; there are ${MUTATIONS.map((one) => one.rule).join(", ")}`);
  return mutation;
}

/** A file name. */
export const nameOf = ({ rule }: Mutation): string => `without-${rule.replaceAll(/[^a-z]+/gi, "-")}`;

/** Runs seeds until one notices; those that were begun before it count as run. */
export async function tryMutation(
  mutation: Mutation,
  firstSeed: number,
  maxSeeds: number,
  threads?: number,
): Promise<Caught> {
  const { rule, patches, season = null } = mutation;
  const pool = await Pool.open(nameOf(mutation), patches, threads);
  const first: { at: number; violation: Story["violation"] } = { at: Number.POSITIVE_INFINITY, violation: null };
  let next = 0;
  const runner = async (): Promise<void> => {
    while (next < Math.min(maxSeeds, first.at)) {
      const at = next++;
      const { violation } = await pool.story(firstSeed + at, { season });
      if (violation !== null && at < first.at) Object.assign(first, { at, violation });
    }
  };
  try {
    await Promise.all(Array.from({ length: pool.size }, runner));
  } finally {
    await pool.close();
  }
  const { at, violation } = first;
  const told = { rule, ...(season && { season }) };
  if (violation === null) return { ...told, caught: false };
  return { ...told, caught: true, seeds_to_catch: at + 1, by: violation.invariant, message: violation.message };
}

/** What of each was seen, in Markdown. */
export const tableOf = (results: readonly Caught[]): string =>
  [
    "| rule | leagues | noticed by |",
    "|---|---|---|",
    ...results.map(({ rule, season, seeds_to_catch = "", by = "nothing" }) => {
      const leagues = season ? `${seeds_to_catch} (${season})` : seeds_to_catch;
      return `| ${rule} | ${leagues} | ${by} |`;
    }),
  ].join("\n");
