/** Which nodes a role of a framework can be offered at all: what their owners accept, and what it asks of them. */
import type { AttributeConstraint } from "../../model/framework.ts";
import { isWithin } from "../../model/role.ts";
import type { Inventory } from "../../protocol/agent.ts";
import type { FrameworkLevel, FrameworkWish } from "../../protocol/frameworks.ts";

export function isSuitable(
  inventory: Inventory,
  attributes: Readonly<Record<string, string>>,
  level: Pick<FrameworkLevel, "capabilities">,
  wish: Pick<FrameworkWish, "role" | "constraints">,
): boolean {
  if (inventory.roles && !inventory.roles.some((role) => isWithin(wish.role, role))) return false;
  // Nodes with gpus are for those who know what to do with them.
  if ((inventory.capacity.gpus ?? 0) > 0 && !level.capabilities.includes("GPU_RESOURCES")) return false;
  const { constraints } = wish;
  return constraints === null || constraints.some((group) => group.every((one) => holds(one, attributes)));
}

/** What a pseudo-attribute is called here. */
const PSEUDO = { HOSTNAME: "hostname", REGION: "region", ZONE: "zone" } as const;

function holds({ selector, predicate }: AttributeConstraint, attributes: Readonly<Record<string, string>>): boolean {
  const name = "pseudo" in selector ? PSEUDO[selector.pseudo] : selector.attribute;
  const value = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
  switch (predicate.is) {
    case "exists":
      return value !== undefined;
    case "not-exists":
      return value === undefined;
    case "equals":
      return value === predicate.value;
    case "not-equals":
      return value !== predicate.value;
    default: {
      const matches = value !== undefined && patternOf(predicate.regex).test(value);
      return predicate.is === "matches" ? matches : !matches;
    }
  }
}

/** One that can't be read matches nothing; it was checked when it was sent. */
function patternOf(regex: string): RegExp {
  const known = patterns.get(regex) ?? compiled(regex);
  if (patterns.size > 1000) patterns.clear();
  patterns.set(regex, known);
  return known;
}
function compiled(regex: string): RegExp {
  try {
    return new RegExp(`^(?:${regex})$`, "u");
  } catch {
    return /(?!)/;
  }
}
const patterns = new Map<string, RegExp>();
