/**
 * Rules over a node's attributes: `arch = x64`, `region in eu, us`, `gpu_model != T4`, `cores >= 8`, `has ssd`,
 * `not has ssd`. Kept as text in a job and parsed where they are used.
 */

export type Attributes = Readonly<Record<string, string>>;

export type Constraint =
  | { op: "=" | "!="; name: string; value: string }
  | { op: "<" | "<=" | ">" | ">="; name: string; value: number }
  | { op: "in" | "not in"; name: string; values: string[] }
  | { op: "has" | "not has"; name: string };

const ATTRIBUTE = "[A-Za-z][A-Za-z0-9_.-]{0,62}";
const COMPARE = new RegExp(`^(${ATTRIBUTE})\\s*(=|!=|<=|>=|<|>)\\s*(.+)$`);
const MEMBER = new RegExp(`^(${ATTRIBUTE})\\s+(in|not in)\\s+(.+)$`);
const PRESENT = new RegExp(`^(has|not has)\\s+(${ATTRIBUTE})$`);

/** Attributes that no two nodes share: what is alike but for them is alike. */
const OWN_ATTRIBUTES = new Set(["node", "host", "hostname"]);

/** Only the Cluster knows which of its nodes satisfy it. */
export const isOwn = ({ name }: Pick<Constraint, "name">): boolean => OWN_ATTRIBUTES.has(name);

export const sharedAttributes = (attributes: Attributes): Attributes =>
  Object.fromEntries(Object.entries(attributes).filter(([name]) => !OWN_ATTRIBUTES.has(name)));

/** @returns null when the text is not a constraint */
export function parseConstraint(text: string): Constraint | null {
  const trimmed = text.trim();
  const present = PRESENT.exec(trimmed);
  if (present) return { op: present[1] as "has" | "not has", name: present[2] as string };
  const member = MEMBER.exec(trimmed);
  if (member) {
    const values = (member[3] as string)
      .split(",")
      .map((v) => v.trim())
      .filter(Boolean);
    return { op: member[2] as "in" | "not in", name: member[1] as string, values };
  }
  const compare = COMPARE.exec(trimmed);
  if (!compare) return null;
  const [, name, op, raw] = compare as unknown as [string, string, string, string];
  const value = raw.trim();
  if (op === "=" || op === "!=") return { op, name, value };
  const number = Number(value);
  return Number.isFinite(number) ? { op: op as "<" | "<=" | ">" | ">=", name, value: number } : null;
}

export function satisfies(attributes: Attributes, c: Constraint): boolean {
  const actual = Object.hasOwn(attributes, c.name) ? attributes[c.name] : undefined;
  switch (c.op) {
    case "has":
      return actual !== undefined;
    case "not has":
      return actual === undefined;
    case "=":
      return actual === c.value;
    case "!=":
      return actual !== c.value;
    case "in":
      return actual !== undefined && c.values.includes(actual);
    case "not in":
      return actual === undefined || !c.values.includes(actual);
    default:
      break;
  }
  const number = Number(actual);
  if (actual === undefined || Number.isNaN(number)) return false;
  switch (c.op) {
    case "<":
      return number < c.value;
    case "<=":
      return number <= c.value;
    case ">":
      return number > c.value;
    case ">=":
      return number >= c.value;
  }
}
