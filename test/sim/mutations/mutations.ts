/** The rules that the house rests on, each taken out of the source: a simulator that does not notice is not looking. */
import { type Patch, Pool } from "../pool.ts";
import { GUARANTEES } from "./guarantees.ts";
import { MACHINES } from "./machines.ts";
import { PROMISES } from "./promises.ts";
import { SHELVES } from "./shelves.ts";
import { WAITS } from "./waits.ts";

export interface Mutation {
  rule: string;
  /** what is so without it */
  so: string;
  patches: readonly Patch[];
}

export const MUTATIONS: readonly Mutation[] = [
  {
    rule: "silence rule",
    so: "a Cluster hands out again as soon as a node is marked silent",
    patches: [
      {
        file: "src/cluster/rules.ts",
        find: "lostAfterMs !== null && silentMs >= lostAfterMs",
        replace: "lostAfterMs !== null || silentMs >= 0",
      },
    ],
  },
  {
    rule: "epoch check",
    so: "the end of any attempt decides its task",
    patches: [{ file: "src/cluster/rules.ts", find: "boolean => epoch === newest", replace: "boolean => true" }],
  },
  {
    rule: "mass hold",
    so: "many nodes that fall silent together are given up like any one",
    patches: [{ file: "src/cluster/rules.ts", find: "? HOLD_FOR_MS : 0", replace: "? 0 : 0" }],
  },
  {
    rule: "session and seq echo",
    so: "an agent takes any reply for the answer to its newest request",
    patches: [
      {
        file: "agent/core/rules.ts",
        find: "state.inFlight !== null && reply.session === state.session && reply.seq === state.inFlight.seq",
        replace: "state.inFlight !== null",
      },
    ],
  },
  {
    rule: "later poll withdraws",
    so: "any poll without an attempt withdraws it, also one from before it was handed out",
    patches: [
      {
        file: "src/cluster/rules.ts",
        find: "poll.session === carried.session && poll.seq > carried.seq",
        replace: "true",
      },
    ],
  },
  {
    rule: "a drill cuts off",
    so: "polls that would be held are heard while their cluster is drilled",
    patches: [
      {
        file: "src/cluster/cluster.ts",
        find: 'if (isCut(this.#memory, now)) this.#answers.refuse(socket, "poll" in said);',
        replace: 'if (!("poll" in said) && isCut(this.#memory, now)) this.#answers.refuse(socket, false);',
      },
    ],
  },
  {
    rule: "limits by partition",
    so: "a Cluster runs in each partition that it may use as much as there is room for",
    patches: [
      {
        file: "src/cluster/placing.ts",
        find: 'job.action === "run" ? limitOf(job) - held',
        replace: 'job.action === "run" ? 10 * limitOf(job) - held',
      },
      {
        file: "src/cluster/placing.ts",
        find: "[name, limit - (live[name] ?? 0)]",
        replace: "[name, 10 * limit - (live[name] ?? 0)]",
      },
    ],
  },
  {
    rule: "what runs is charged",
    so: "a Broker charges what it allows now, and not what still runs beyond that",
    patches: [
      {
        file: "src/broker/state.ts",
        find: "highestOf(wanted, grant.reported?.live ?? {})",
        replace: "wanted",
      },
    ],
  },
  {
    rule: "old limits are charged until the new ones are applied",
    so: "a Broker gives room away that a Cluster has not heard to have lost",
    patches: [
      {
        file: "src/broker/state.ts",
        find: "? grant.limits : highestOf(grant.limits, grant.oldLimits)",
        replace: "? grant.limits : grant.limits",
      },
    ],
  },
  ...MACHINES,
  ...WAITS,
  ...SHELVES,
  ...PROMISES,
  ...GUARANTEES,
  {
    rule: "events go on after those in the rows",
    so: "a Broker that wakes numbers its events from the first again",
    patches: [{ file: "src/broker/store.ts", find: "Math.max(newest?.seq ?? 0, this.#eventBase) + 1;", replace: "1;" }],
  },
  {
    rule: "numbers of events leap with a restore",
    so: "a restored Broker gives numbers of events again that readers have seen",
    patches: [
      {
        file: "src/broker/store.ts",
        find: "Math.max(newest?.seq ?? 0, this.#eventBase) + 1;",
        replace: "(newest?.seq ?? 0) + 1;",
      },
    ],
  },
  {
    rule: "a bar is lifted in its row too",
    so: "what lifts a bar is not stored",
    patches: [
      {
        file: "src/broker/heard.ts",
        find: "grant.barredIn = {};\n    book.changedGrant(grant);",
        replace: "grant.barredIn = {};",
      },
    ],
  },
  {
    rule: "a job that ended elsewhere is forgotten",
    so: "a Cluster with news of others never asks of what has nothing more to do there",
    patches: [{ file: "src/cluster/reporting.ts", find: "this.#sayIdle(now);", replace: "" }],
  },
  {
    rule: "without offers none lapses",
    so: "a Cluster wakes for offers that it does not have any more",
    patches: [
      {
        file: "src/cluster/frameworks/frameworks.ts",
        find: "if (this.offers.size === 0) this.#nextLapseAt",
        replace: "if (this.offers.size < 0) this.#nextLapseAt",
      },
    ],
  },
  {
    rule: "what was used is banked",
    so: "what a Cluster counted before it lost its counters is forgotten in the ledger",
    patches: [
      {
        file: "src/broker/ledger.ts",
        find: "added(known.banked, known.current) : (known?.banked ?? [])",
        replace: "known.banked : (known?.banked ?? [])",
      },
    ],
  },
];

export interface Caught {
  rule: string;
  caught: boolean;
  /** seeds run until the first that noticed, that one included */
  seeds_to_catch?: number;
  by?: string;
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
  const { rule, patches } = mutation;
  const pool = await Pool.open(nameOf(mutation), patches, threads);
  let caughtAt = Number.POSITIVE_INFINITY;
  let by = "";
  let next = 0;
  const runner = async (): Promise<void> => {
    while (next < Math.min(maxSeeds, caughtAt)) {
      const i = next++;
      const { violation } = await pool.story(firstSeed + i);
      if (violation === null || i >= caughtAt) continue;
      caughtAt = i;
      by = violation.message;
    }
  };
  try {
    await Promise.all(Array.from({ length: pool.size }, runner));
  } finally {
    await pool.close();
  }
  return Number.isFinite(caughtAt) ? { rule, caught: true, seeds_to_catch: caughtAt + 1, by } : { rule, caught: false };
}
