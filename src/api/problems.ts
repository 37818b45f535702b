/** Every failure leaves as problem details (RFC 9457) with a stable code. */
import type { Context, ErrorHandler, NotFoundHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import { PROBLEMS, Problem, type ProblemCode } from "../model/problems.ts";
import type { ApiEnv } from "./env.ts";
import { errorIn } from "./jsonPosition.ts";

/** Callers that were turned away together should not come back together. */
const MIN_RETRY_AFTER_S = 1;
const RETRY_AFTER_SPREAD_S = 4;

export const unavailable = (detail: string): Problem =>
  new Problem("unavailable", detail, {
    retryAfterS: MIN_RETRY_AFTER_S + Math.round(Math.random() * RETRY_AFTER_SPREAD_S),
  });

export function problemResponse(problem: Problem): Response {
  const headers = new Headers({ "content-type": "application/problem+json", "cache-control": "no-store" });
  if (problem.extra.retryAfterS !== undefined) headers.set("retry-after", String(problem.extra.retryAfterS));
  if (problem.code === "unauthenticated") headers.set("www-authenticate", "Bearer");
  return new Response(JSON.stringify(problem.toBody()), { status: PROBLEMS[problem.code], headers });
}

export const onError: ErrorHandler<ApiEnv> = async (error, c) => problemResponse(await problemOf(error, c));

export const notFound: NotFoundHandler<ApiEnv> = (c) =>
  problemResponse(new Problem("not-found", `there is nothing at ${c.req.method} ${c.req.path}; see /docs`));

export async function problemOf(error: unknown, c: Context<ApiEnv>): Promise<Problem> {
  if (error instanceof Problem) return error;
  if (error instanceof HTTPException) return ofFramework(error, c);
  console.error(`${c.req.method} ${c.req.path} failed`, error);
  return isPassing(error)
    ? unavailable("the league's objects are busy or restarting; try again")
    : new Problem("internal", "the broker failed on this request; its log says more");
}

/** Faults of the platform that pass: an object that is overloaded, was reset, or could not be reached. */
function isPassing(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  return ["retryable", "overloaded", "durableObjectReset"].some((mark) => Reflect.get(error, mark) === true);
}

/** The validators of the framework refuse what is not JSON before any schema sees it. */
async function ofFramework(error: HTTPException, c: Context<ApiEnv>): Promise<Problem> {
  if (error.status === 415) {
    return new Problem("invalid-request", "send the body with Content-Type: application/json");
  }
  const at = error.status === 400 ? errorIn(await c.req.text()) : null;
  if (!at) return new Problem("invalid-request", error.message);
  return new Problem("invalid-request", `the body is not JSON: see line ${at.line}, column ${at.column}`, {
    data: { line: at.line, column: at.column, offset: at.offset },
  });
}

export const PROBLEM_MEANINGS: Record<ProblemCode, string> = {
  "invalid-request":
    "The request can't be understood or asks for something that can't be. errors names each wrong field.",
  unauthenticated: "No token or credential, or one that was never issued, has expired or was revoked.",
  "not-allowed": "The token is good, but not for this.",
  "not-found": "There is no such thing in this league.",
  conflict: "It contradicts what is there already.",
  "plan-changed":
    "The league would not decide any more what the plan told. Nothing was submitted; data.plan is the token of the plan as it is now.",
  gone: "It was there and was removed.",
  "too-large": "The body is over 1 MiB. Nothing of it was stored.",
  "offset-mismatch": "Output goes on at data.offset: send from there.",
  "idempotency-key-reused": "The Idempotency-Key was used before with another body. Choose a new key.",
  "too-many": "Too much at once. Wait as Retry-After says.",
  internal: "A fault of the broker. Trying again may help; its log says more.",
  unavailable: "The broker can't answer now. Wait as Retry-After says, then send the same request again.",
};
