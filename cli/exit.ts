/** What the command's exit codes mean, and which of them an error leads to. */
import type { Problem } from "../src/model/problems.ts";

export const EXIT = { ok: 0, taskFailed: 1, usage: 2, neverRuns: 3, unreachable: 4, notAllowed: 5 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export function exitCodeOf(problem: Problem): ExitCode {
  switch (problem.code) {
    case "unauthenticated":
    case "not-allowed":
      return EXIT.notAllowed;
    case "unavailable":
    case "internal":
    case "too-many":
      return EXIT.unreachable;
    default:
      return EXIT.usage;
  }
}
