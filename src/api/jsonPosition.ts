/**
 * Where a text stops being JSON. The parser of the runtime does not always say, and a person who wrote the text by
 * hand needs it; this runs only after the parser has refused.
 */
export interface Position {
  offset: number;
  line: number;
  column: number;
}

const SPACE = /[ \t\n\r]*/y;
const MARK = /[{}[\],:]/y;
/** any character from the space on, but the quote and the backslash */
const STRING = /"(?:[ !#-[\]-\u{10ffff}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

function take(pattern: RegExp, text: string, offset: number): string | null {
  pattern.lastIndex = offset;
  return pattern.exec(text)?.[0] ?? null;
}

/** Which kinds of token may come next. */
type Bracket = "{" | "[";
type Expect = "value" | "value or ]" | "key" | "key or }" | ":" | ", or end" | "nothing";

/** @returns null when the text is JSON */
export function errorIn(text: string): Position | null {
  const open: Bracket[] = [];
  let expect: Expect = "value";
  let offset = 0;
  while (true) {
    offset += take(SPACE, text, offset)?.length ?? 0;
    if (offset === text.length && expect === "nothing") return null;
    const mark = take(MARK, text, offset);
    const string = mark === null ? take(STRING, text, offset) : null;
    const token = mark ?? string ?? take(SCALAR, text, offset);
    const next: Expect | null =
      token === null ? null : step(expect, mark ?? (string === null ? "scalar" : "string"), open);
    if (token === null || next === null) return positionAt(text, offset);
    expect = next;
    offset += token.length;
  }
}

/** @returns what may follow, or null when the token may not stand here */
function step(expect: Expect, token: string, open: Bracket[]): Expect | null {
  const wantsValue = expect === "value" || expect === "value or ]";
  if (token === "{" || token === "[") {
    if (!wantsValue) return null;
    open.push(token);
    return token === "{" ? "key or }" : "value or ]";
  }
  if (token === "}" || token === "]") {
    const mayClose = expect === ", or end" || expect === (token === "}" ? "key or }" : "value or ]");
    if (!mayClose || open.pop() !== (token === "}" ? "{" : "[")) return null;
    return open.length === 0 ? "nothing" : ", or end";
  }
  if (token === ":") return expect === ":" ? "value" : null;
  if (token === ",") return expect === ", or end" ? (open.at(-1) === "{" ? "key" : "value") : null;
  if (token === "string" && (expect === "key" || expect === "key or }")) return ":";
  return wantsValue ? (open.length === 0 ? "nothing" : ", or end") : null;
}

function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf("\n") + 1;
  return { offset, line: before.split("\n").length, column: offset - lineStart + 1 };
}
