/**
 * What rounds would decide now, and none of it kept: the greedy round, and where jobs contend the plan of the optimiser
 * that a live league makes soon after, at once. A live round that adopts the draft grants just what the draft says.
 */
import type { LpSolver } from "../assign/lp.ts";
import type { RoundInput, RoundResult } from "../input.ts";
import { round } from "../round.ts";
import { isWorthwhile, type Optimised, optimise, problemKey } from "./optimise.ts";

export interface Draft {
  input: RoundInput;
  result: RoundResult;
  /** what `input.plan` is of; null: rounds go without */
  optimised: Optimised | null;
  /** the optimiser ran for it */
  isAnew: boolean;
}

/** Whether the optimiser has something to do that it has not done. @param plannedFor `problemKey` of the plan there is */
export const wantsPlan = (input: RoundInput, { contended }: RoundResult, plannedFor: string | null): boolean =>
  contended && isWorthwhile(input) && problemKey(input) !== plannedFor;

/** @param known the plan that rounds follow now, and for which league it was made */
export function draftOf(
  input: RoundInput,
  known: { optimised: Optimised | null; plannedFor: string | null },
  solver: LpSolver | null,
): Draft {
  const result = round(input);
  if (!wantsPlan(input, result, known.plannedFor)) return { input, result, optimised: known.optimised, isAnew: false };
  const optimised = optimise(input, result, solver, known.optimised?.warm ?? null);
  const following = { ...input, plan: optimised.plan };
  return { input: following, result: round(following), optimised, isAnew: true };
}
