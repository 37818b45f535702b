/** What a Broker and its Clusters tell each other: levels, each with a number, and what is charged meanwhile. */
import type { Mutation } from "./mutations.ts";

export const LEVELS: readonly Mutation[] = [
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
  {
    rule: "only a report of the newest gen frees",
    so: "a Broker takes any report for the word that its newest limits are applied",
    season: "deaf",
    patches: [
      {
        file: "src/broker/heard.ts",
        find: "if (isApplied(grant)) grant.oldLimits = grant.limits;",
        replace: "grant.oldLimits = grant.limits;",
      },
    ],
  },
  {
    rule: "only a higher gen is applied",
    so: "a Cluster takes what a Broker said earlier, and what comes late, for the newest",
    season: "echoes",
    patches: [{ file: "src/cluster/grants.ts", find: "if (known && known.gen >= grant.gen) return;", replace: "" }],
  },
  {
    rule: "only a higher rev is heard",
    so: "a Broker takes what a Cluster said earlier, and what comes late, for the newest",
    patches: [{ file: "src/broker/heard.ts", find: 'if (!newer) return "nothing";', replace: "" }],
  },
  {
    rule: "what does not fit is barred",
    so: "a Broker grants again where a Cluster has no room what that one has given back for it",
    patches: [{ file: "src/broker/heard.ts", find: "if (!BARRING.has(reason)) continue;", replace: "continue;" }],
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
    rule: "a claim ends with what it was for",
    so: "a Cluster goes on to make room for a claim that a Broker does not have any more",
    patches: [
      {
        file: "src/broker/grants.ts",
        find: 'this.#change(grant, { action: "run", limits, supply, claim, yields });',
        replace: 'this.#change(grant, { action: "run", limits, supply, claim: claim ?? grant.claim, yields });',
      },
    ],
  },
  {
    rule: "a job that ended elsewhere is forgotten",
    so: "a Cluster with news of others never asks of what has nothing more to do there",
    patches: [
      {
        file: "src/cluster/reporting.ts",
        find: 'for (const job of this.#memory.submitted.values()) if (isIdle(job)) job.dirty = "now";',
        replace: "",
      },
    ],
  },
  {
    rule: "a submission that comes again finds its job",
    so: "a Broker makes another job of a submission that comes again",
    patches: [
      {
        file: "src/broker/broker.ts",
        find: '      return this.#viewOf(known);\n    }\n    const job = this.#jobOf(id, digest, spec, "clusters", now);',
        replace:
          '    }\n    const job = this.#jobOf(known ? id + "x" + this.#book.newestOrdinal : id, digest, spec, "clusters", now);',
      },
    ],
  },
  {
    rule: "one job a key",
    so: "a Broker takes another job under a key for the first",
    patches: [
      {
        file: "src/broker/broker.ts",
        find: 'throw new Problem("idempotency-key-reused", "this Idempotency-Key was used for another job; choose a new key");',
        replace: "",
      },
    ],
  },
  {
    rule: "a join that comes again finds its node",
    so: "a machine whose join was answered in vain is another node when it asks again",
    patches: [{ file: "src/cluster/nodes.ts", find: "node.joinKey === key && !node.removed", replace: "false" }],
  },
  {
    rule: "events go on after those in the rows",
    so: "a Broker that wakes numbers its events from the first again",
    patches: [{ file: "src/broker/store.ts", find: "Math.max(newest?.seq ?? 0, this.#eventBase) + 1;", replace: "1;" }],
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
