/** What an HTTP answer of the broker means: its problem details as a `Problem`, anything else as one too. */
import { z } from "zod";
import { PROBLEMS, Problem, type ProblemCode } from "../../src/model/problems.ts";

const problemSchema = z.object({
  code: z.string(),
  detail: z.string(),
  errors: z.array(z.object({ field: z.string(), message: z.string(), didYouMean: z.string().optional() })).optional(),
  data: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
});

const isProblemCode = (code: string): code is ProblemCode => Object.hasOwn(PROBLEMS, code);

function codeOfStatus(status: number): ProblemCode {
  for (const [code, its] of Object.entries(PROBLEMS)) if (its === status && isProblemCode(code)) return code;
  return status < 500 ? "invalid-request" : "unavailable";
}

export async function problemOf(response: Response, url: string): Promise<Problem> {
  const text = await response.text().catch(() => "");
  const retryAfterS = Number(response.headers.get("retry-after") ?? Number.NaN);
  const retry = Number.isFinite(retryAfterS) ? { retryAfterS } : {};
  const parsed = problemSchema.safeParse(jsonOrNull(text));
  if (!parsed.success) {
    const detail = `${url} answered ${response.status}, but not as a Hansa broker does. Is the address right, or a proxy in between?`;
    return new Problem(codeOfStatus(response.status), detail, retry);
  }
  const { code, detail, errors, data } = parsed.data;
  return new Problem(isProblemCode(code) ? code : codeOfStatus(response.status), detail, {
    ...retry,
    ...(errors && {
      errors: errors.map(({ didYouMean, ...rest }) => ({ ...rest, ...(didYouMean && { didYouMean }) })),
    }),
    ...(data && { data }),
  });
}

export function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** A problem as lines for a person: the sentence, one line per wrong field, and what to try next. */
export function problemLines(problem: Problem): string[] {
  const lines = [problem.detail];
  for (const { field, message, didYouMean } of problem.extra.errors ?? []) {
    lines.push(`  ${field ? `${field}: ` : ""}${message}${didYouMean ? ` (did you mean ${didYouMean}?)` : ""}`);
  }
  return lines;
}
