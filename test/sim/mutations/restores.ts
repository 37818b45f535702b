/** What follows from rows that are lost, or come from a backup: numbers leap, and what may still run is waited for. */
import type { Mutation } from "./mutations.ts";

export const RESTORES: readonly Mutation[] = [
  {
    rule: "hand-outs leap in a restore",
    so: "a Broker that was restored hands out under numbers that it gave before",
    season: "restores",
    patches: [
      {
        file: "src/broker/restored.ts",
        find: "job.nextHandout = Math.max(job.nextHandout + RESTORE_LEAP, firstHandout(this.#generation));",
        replace: "",
      },
    ],
  },
  {
    rule: "gens leap in a restore",
    so: "what a Broker that was restored says of a job has numbers that it gave before",
    patches: [
      {
        file: "src/broker/restored.ts",
        find: "grant.gen = Math.max(grant.gen + RESTORE_LEAP, firstGen(this.#generation));",
        replace: "",
      },
    ],
  },
  {
    rule: "hand-outs of a new job begin with the generation",
    so: "a job that is submitted again after a restore is handed out under the numbers of the first",
    patches: [{ file: "src/broker/generation.ts", find: "return 1 + (isTime", replace: "return 1 + 0 * (isTime" }],
  },
  {
    rule: "a restored Cluster is another incarnation",
    so: "what was decided for a Cluster before it was restored counts, and what it said then",
    patches: [
      {
        file: "src/cluster/memory.ts",
        find: "incarnation: Math.max(now, (known?.incarnation ?? 0) + 1),",
        replace: "incarnation: known?.incarnation ?? now,",
      },
    ],
  },
  {
    rule: "a restored Broker waits for what it does not know",
    so: "a Broker that was restored hands out at once what its rows tell to be queued",
    season: "restores",
    patches: [
      {
        file: "src/broker/restored.ts",
        find: "isKnown ? lostAfterMs : Math.min(lostAfterMs, COPIES_COME_WITHIN_MS)",
        replace: "isKnown ? 0 : Math.min(lostAfterMs, COPIES_COME_WITHIN_MS)",
      },
    ],
  },
  {
    rule: "what is submitted after a restore waits, too",
    so: "a Broker that was restored hands out at once what a late copy of a request submits",
    season: "restores",
    patches: [
      {
        file: "src/broker/restored.ts",
        find: "isKnown ? lostAfterMs : Math.min(lostAfterMs, COPIES_COME_WITHIN_MS)",
        replace: "isKnown ? lostAfterMs : 0",
      },
    ],
  },
  {
    rule: "a Cluster that began anew waits for what its nodes run",
    so: "a Cluster that lost its rows gives back at once what it was given before",
    season: "rebuilds",
    patches: [
      {
        file: "src/cluster/silence.ts",
        find: "if (job.limbo.length === 0 || !silenceElapsed(memory.self.recoverMs, limitMs)) continue;",
        replace: "if (job.limbo.length === 0) continue;",
      },
    ],
  },
  {
    rule: "tick cap after a restore",
    so: "an outage, or a leap of a clock, counts whole as time that is waited for what may run",
    season: "rebuilds",
    patches: [
      {
        file: "src/cluster/silence.ts",
        find: "recoverMs + Math.min(TICK_MS, sinceMs)",
        replace: "recoverMs + sinceMs",
      },
      {
        file: "src/broker/restored.ts",
        find: "Math.max(0, Math.min(now - this.#lastTickAt, HOLD_TICK_MS))",
        replace: "Math.max(0, now - this.#lastTickAt)",
      },
    ],
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
];
