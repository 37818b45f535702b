/** How the simulator asks a policy; one of these is one run, and may remember what it saw. */
import {
  DEFAULT_LENDING,
  type LendingSettings,
  lend,
  NEW_MEMORY,
  remember,
} from "../../src/scheduling/lending/lend.ts";
import type { Attempt, LendingDecision, LendingView } from "../../src/scheduling/lending/view.ts";

export interface LendingPolicy {
  decide(view: LendingView): LendingDecision;
  /** An attempt ran to its end; stopped ones never come here. */
  ended?(attempt: Attempt, nowMs: number): void;
}

export function hansa(settings: LendingSettings = DEFAULT_LENDING): LendingPolicy {
  let memory = NEW_MEMORY;
  return {
    decide(view) {
      const result = lend(view, memory, settings);
      memory = result.memory;
      return result.decision;
    },
    ended(attempt, nowMs) {
      memory = remember(memory, attempt, nowMs);
    },
  };
}
