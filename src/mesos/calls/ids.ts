/** What ids of frameworks, tasks and executors may be. */

/** as file names: they become folders */
const MAX_CHARS = 255;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const FORBIDDEN = /[\u0000-\u001f\u007f/\\]/;

/** @returns null when it is valid */
export function idError(id: string): string | null {
  if (id === "") return "ID must not be empty";
  if (id.length > MAX_CHARS) return `ID must not be greater than ${MAX_CHARS} characters`;
  if (id === "." || id === "..") return `'${id}' is disallowed`;
  if (FORBIDDEN.test(id)) return `'${id}' contains invalid characters`;
  return null;
}
