/** What people are told of why their tasks wait. */
import type { Mutation } from "./mutations.ts";

export const REASONS_TOLD: readonly Mutation[] = [
  {
    rule: "who is busy is not too small",
    so: "what waits for room is told that no node could ever hold it",
    patches: [
      {
        file: "src/scheduling/explain/reason.ts",
        find: '    "space",\n    job.unit === 1',
        replace: '    "never-fits",\n    job.unit === 1',
      },
    ],
  },
  {
    rule: "what others have is no limit",
    so: "who waits for its turn is told that its role is at its limit",
    patches: [
      {
        file: "src/scheduling/explain/reason.ts",
        find: '      "share",\n      `The league is full',
        replace: '      "over-limit",\n      `The league is full',
      },
    ],
  },
];
