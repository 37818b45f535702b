/** Rules of a node: what its guard, its journal and its agent hold, taken out one at a time. */
import type { Mutation } from "./mutations.ts";

export const MACHINES: readonly Mutation[] = [
  {
    rule: "guard",
    so: "no guard ends anything",
    patches: [
      { file: "test/sim/world/guard.ts", find: "if (nowMs >= killAtMs) this", replace: "if (nowMs < 0) this" },
      { file: "test/sim/world/guard.ts", find: "if (nowMs >= termAtMs) this", replace: "if (nowMs < 0) this" },
    ],
  },
  {
    rule: "killed before the deadline",
    so: "the guard kills at the deadline, with the first round that is past it",
    patches: [{ file: "agent/host/guard/deadlines.ts", find: "KILL_MARGIN_MS = 3000", replace: "KILL_MARGIN_MS = 0" }],
  },
  {
    rule: "a late stop ends before the deadline too",
    so: "an agent gives what it stops its whole grace, however late it stops it",
    season: "suspends",
    patches: [
      {
        file: "agent/core/poll.ts",
        find: "deadlineMs === null ? graceMs : Math.max(0, Math.min(graceMs, deadlineMs - GUARD_MARGIN_MS - nowMs));",
        replace: "deadlineMs === null ? graceMs : Math.max(0, Math.min(graceMs, Number.POSITIVE_INFINITY - nowMs));",
      },
    ],
  },
  {
    rule: "deadlines count from the sending of a poll",
    so: "an attempt may live for stopAfter from when the reply came",
    patches: [
      {
        file: "agent/core/reply.ts",
        find: "const sentAtMs = before.inFlight?.sentAtMs ?? nowMs;",
        replace: "const sentAtMs = nowMs;",
      },
    ],
  },
  {
    rule: "no guard, nothing starts",
    so: "an agent takes and starts attempts whether it sees a guard or not",
    season: "unguarded",
    patches: [{ file: "agent/core/rules.ts", find: "boolean => guarded;", replace: "boolean => guarded || true;" }],
  },
];
