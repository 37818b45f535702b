/** What zod finds wrong, told by field, with the name that was likely meant for one that does not exist. */
import type { z } from "zod";
import { nearest } from "./nearest.ts";
import type { FieldError } from "./problems.ts";
import { keysAt, type Path } from "./schemaKeys.ts";

/** Enough to act on; a body of a thousand wrong items need not be answered with all of them. */
const MAX_ERRORS = 20;

type Issue = z.core.$ZodIssue;

export function fieldErrors(issues: readonly Issue[], schema: z.ZodType | null): FieldError[] {
  return issues.flatMap((issue) => errorsOf(issue, [], schema)).slice(0, MAX_ERRORS);
}

function errorsOf(issue: Issue, prefix: Path, schema: z.ZodType | null): FieldError[] {
  const path = [...prefix, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    const known = schema ? keysAt(schema, path) : [];
    return issue.keys.map((key) => unknownField([...path, key], key, known));
  }
  if (issue.code === "invalid_union") {
    const meant = closestOption(issue.errors);
    if (meant) return meant.flatMap((inner) => errorsOf(inner, path, schema));
  }
  if (issue.code === "invalid_key") {
    return [{ field: fieldName(path), message: issue.issues[0]?.message ?? issue.message }];
  }
  return [{ field: fieldName(path), message: issue.message }];
}

function unknownField(path: Path, key: string, known: readonly string[]): FieldError {
  const didYouMean = nearest(key, known);
  const message = known.length > 0 && didYouMean === null ? `unknown; there are ${known.join(", ")}` : "unknown";
  return { field: fieldName(path), message, ...(didYouMean !== null && { didYouMean }) };
}

/** The option whose value had at least the right type is the one that was meant. */
function closestOption(options: readonly Issue[][]): Issue[] | undefined {
  const ofRightType = options.filter(
    (issues) => issues.length > 0 && issues.every(({ path, code }) => path.length > 0 || code === "unrecognized_keys"),
  );
  return ofRightType.length === 1 ? ofRightType[0] : undefined;
}

/** `each[3]`, `resources.mem` */
function fieldName(path: Path): string {
  return path.reduce<string>(
    (name, key) => (typeof key === "number" ? `${name}[${key}]` : name === "" ? String(key) : `${name}.${String(key)}`),
    "",
  );
}
