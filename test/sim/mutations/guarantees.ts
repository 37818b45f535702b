/** What roles are promised, whatever others would like. */
import type { Mutation } from "./mutations.ts";

export const GUARANTEES: readonly Mutation[] = [
  {
    rule: "guarantees count in shares",
    so: "a role that is promised something shares like all others",
    patches: [
      {
        file: "src/scheduling/shares/tree.ts",
        find: "nominal: vectorOf(axes, policy.guarantee),",
        replace: "nominal: vectorOf(axes, {}),",
      },
    ],
  },
  {
    rule: "what is guaranteed is taken back",
    so: "only owners have what is theirs taken back, and who was promised something waits until others end",
    patches: [
      {
        file: "src/scheduling/filling/reclaim.ts",
        find: "if (root.guarantees.includes(true) && withinBound",
        replace: "if (root.guarantees.includes(false) && root.guarantees.length === 0 && withinBound",
      },
    ],
  },
  {
    rule: "a claim makes room",
    so: "a Cluster waits until what others have ends by itself, whoever claims it",
    patches: [
      {
        file: "src/cluster/reclaiming.ts",
        find: "if (due.length > 0) serveAll(memory, due, now);",
        replace: "",
      },
    ],
  },
];
