/**
 * How a call's outcome crosses RPC: a Problem as plain data, because a thrown error arrives there without its class
 * and would count as a fault of the object.
 */
import { Problem, type ProblemBody } from "../model/problems.ts";

export type Answer = { value: unknown } | { problem: ProblemBody; retryAfterS?: number };

export function answerOf(run: () => unknown): Answer {
  try {
    return { value: run() };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const { retryAfterS } = error.extra;
    return { problem: error.toBody(), ...(retryAfterS !== undefined && { retryAfterS }) };
  }
}

/** @throws Problem when that is what was answered */
export function valueIn(answer: Answer): unknown {
  if ("value" in answer) return answer.value;
  const { problem, retryAfterS } = answer;
  throw new Problem(problem.code, problem.detail, {
    ...(problem.errors && { errors: problem.errors }),
    ...(problem.data && { data: problem.data }),
    ...(retryAfterS !== undefined && { retryAfterS }),
  });
}
