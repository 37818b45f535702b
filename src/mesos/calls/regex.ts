/**
 * Patterns of frameworks. Mesos matches them by RE2, in linear time; the runtime here does not, so that patterns that
 * could take exponential time, or that RE2 has not either, are refused.
 */

const MAX_CHARS = 500;
/** Backward references and assertions that look around. */
const NOT_OF_RE2 = /\\[1-9k]|\(\?<?[=!]/;
const PART = /\\.|\[(?:\\.|[^\]\\])*\]|\((?:\?(?:<\w+>|:))?|\)|[*+|]|\{\d+(?:,\d*)?\}|./gsu;
const IS_REPEAT = /^[*+{]/;

/** @returns what is wrong; null: it can be matched */
export function regexError(regex: string): string | null {
  const why = regex.length > MAX_CHARS ? `it is longer than ${MAX_CHARS} characters` : syntaxError(regex);
  if (why !== null) return `Failed to construct regex from pattern '${regex.slice(0, MAX_CHARS)}': ${why}`;
  return isCostly(regex)
    ? `Regex '${regex}' is too complex: a group that is repeated must not repeat or choose within`
    : null;
}

function syntaxError(regex: string): string | null {
  try {
    new RegExp(regex, "u");
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return NOT_OF_RE2.test(regex) ? "it refers back or looks around, which RE2 does not" : null;
}

function isCostly(regex: string): boolean {
  /** of each open group: whether it repeats or chooses */
  const open = [false];
  let closed = false;
  for (const [part] of regex.matchAll(PART)) {
    const isRepeat = IS_REPEAT.test(part);
    if (isRepeat && closed) return true;
    const isOpening = part.startsWith("(");
    if (isOpening) open.push(false);
    closed = part === ")" && (open.pop() ?? false);
    if (isRepeat || part === "|" || closed) open[open.length - 1] = true;
  }
  return false;
}
