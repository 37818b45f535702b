/** What an attempt is given up by, and when: a silence that is counted, as long as the attempt may run and a margin more. */
import type { Mutation } from "./mutations.ts";

export const SILENCE: readonly Mutation[] = [
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
    rule: "margin",
    so: "a Cluster hands out again after a silence of stopAfter, and no longer",
    season: "drifts",
    patches: [
      {
        file: "src/model/job.ts",
        find: "stopAfterMs + 15_000 + Math.ceil(stopAfterMs / 100)",
        replace: "stopAfterMs",
      },
    ],
  },
  {
    rule: "tick cap",
    so: "an outage of a Cluster, or a leap of its clock, counts whole as silence of its nodes",
    season: "clocks",
    patches: [
      {
        file: "src/cluster/rules.ts",
        find: "Math.max(0, Math.min(now - lastTickAt, TICK_MS))",
        replace: "Math.max(0, now - lastTickAt)",
      },
    ],
  },
  {
    rule: "a mark begins at no silence",
    so: "a mark counts from when the node was heard, by a clock that may have leapt since",
    patches: [
      {
        file: "src/cluster/memory.ts",
        find: "this.#addSilence({ node, session, silentMs: 0,",
        replace: "this.#addSilence({ node, session, silentMs: now - (this.nodes.get(node)?.seenAt ?? now),",
      },
    ],
  },
  {
    rule: "a mark is in a row",
    so: "a Cluster that crashes forgets which nodes are silent",
    patches: [
      {
        file: "src/cluster/memory.ts",
        find: "this.store.mark(node, session, state?.session === session ? state.seenAt + state.expectMs : null);",
        replace: "",
      },
    ],
  },
  {
    rule: "a poll deletes the mark",
    so: "the silence of a node goes on to be counted when it speaks again",
    patches: [
      {
        file: "src/cluster/poll.ts",
        find: "memory.unmark(node.name, node.session);",
        replace: "",
      },
    ],
  },
  {
    rule: "mass hold",
    so: "many nodes that fall silent together are given up like any one",
    patches: [{ file: "src/cluster/rules.ts", find: "? HOLD_FOR_MS : 0", replace: "? 0 : 0" }],
  },
];
