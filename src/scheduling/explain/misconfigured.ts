/** Mistakes that no waiting cures: constraints that contradict each other, names that no node knows. */
import type { Constraint } from "../../model/constraints.ts";
import { isOwn } from "../../model/constraints.ts";
import { nearest } from "../../model/nearest.ts";
import { attributesIn, type Waiting } from "./waiting.ts";

export type Mistake =
  | { kind: "contradiction"; texts: [string, string] }
  | { kind: "attribute"; name: string; index: number; meant: string | null; known: string[] }
  | { kind: "resource"; name: string; meant: string };

/** Names that are meant as they are, whether or not a node has any. */
const WELL_KNOWN = new Set(["cpus", "mem", "disk", "gpus", "ports"]);

export function mistakeOf({ input, job, texts }: Pick<Waiting, "input" | "job" | "texts">): Mistake | null {
  const contradiction = contradictionOf(job.constraints);
  if (contradiction) {
    const [a, b] = contradiction;
    return { kind: "contradiction", texts: [texts[a] ?? "", texts[b] ?? ""] };
  }
  const shapes = input.partitions.flatMap((partition) =>
    partition.shapes.map((shape) => ({ ...shape, attributes: attributesIn(partition, shape.attributes) })),
  );
  if (shapes.length === 0) return null;
  const attributes = new Set(shapes.flatMap((shape) => Object.keys(shape.attributes)));
  for (const [index, c] of job.constraints.entries()) {
    if (isOwn(c) || !needsPresence(c) || attributes.has(c.name)) continue;
    const known = [...attributes].sort();
    return { kind: "attribute", name: c.name, index, meant: nearest(c.name, known), known };
  }
  const resources = [...new Set(shapes.flatMap(({ capacity }) => Object.keys(capacity)))];
  for (const name of Object.keys(job.demand)) {
    if (resources.includes(name)) continue;
    const meant = WELL_KNOWN.has(name) ? null : nearest(name, resources);
    if (meant !== null) return { kind: "resource", name, meant };
  }
  return null;
}

/** A node without the attribute does not satisfy it. */
const needsPresence = ({ op }: Constraint): boolean => op !== "!=" && op !== "not in" && op !== "not has";

/** Positions of two constraints that no node can satisfy together. */
function contradictionOf(constraints: readonly Constraint[]): [number, number] | null {
  for (const [i, a] of constraints.entries()) {
    for (const [j, b] of constraints.entries()) {
      if (j > i && a.name === b.name && (excludes(a, b) || excludes(b, a))) return [i, j];
    }
  }
  return null;
}

function excludes(a: Constraint, b: Constraint): boolean {
  if (a.op === "not has") return needsPresence(b);
  if (a.op === "=") {
    if (b.op === "=") return a.value !== b.value;
    if (b.op === "!=") return a.value === b.value;
    if (b.op === "in") return !b.values.includes(a.value);
    if (b.op === "not in") return b.values.includes(a.value);
  }
  if (a.op === "in" && b.op === "in") return !a.values.some((value) => b.values.includes(value));
  if ((a.op === ">" || a.op === ">=") && (b.op === "<" || b.op === "<=")) {
    return a.value > b.value || (a.value === b.value && (a.op === ">" || b.op === "<"));
  }
  return false;
}
