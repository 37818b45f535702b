/** Which agents a framework wants to be offered, by their attributes. */
import type { AttributeConstraint, OfferConstraints } from "../../model/framework.ts";
import type { WireAttributeConstraint, WireOfferConstraints } from "../messages/framework.ts";
import { regexError } from "./regex.ts";

const NOTHING_SELECTED =
  "Exactly one of 'AttributeConstraint::Selector::name' or 'AttributeConstraint::Selector::pseudoattribute_type' must be set";

/** @param roles those that the framework has */
export function readOfferConstraints(
  wire: WireOfferConstraints | undefined,
  roles: ReadonlySet<string>,
): { constraints: OfferConstraints; error: string | null } {
  const byRole = Object.entries(wire?.role_constraints ?? {});
  const stranger = byRole.find(([role]) => !roles.has(role));
  if (stranger) {
    const [role] = stranger;
    return refused(
      `Offer constraints specify \`role_constraints\` for a role '${role}'not contained in the set of roles`,
    );
  }
  const read: [string, AttributeConstraint[][]][] = [];
  for (const [role, { groups }] of byRole) {
    const found = readGroups(role, groups);
    if ("error" in found) return refused(`Offer constraints are not valid: ${found.error}`);
    read.push([role, found.groups]);
  }
  return { constraints: { roles: Object.fromEntries(read) }, error: null };
}

const refused = (error: string) => ({ constraints: { roles: {} }, error });

type Groups = readonly { readonly attribute_constraints: readonly WireAttributeConstraint[] }[];

function readGroups(role: string, groups: Groups): { groups: AttributeConstraint[][] } | { error: string } {
  if (groups.length === 0) {
    return { error: `'OfferConstraints::role_constraints' has an empty 'RoleConstraints::groups' for role ${role}` };
  }
  const read: AttributeConstraint[][] = [];
  for (const { attribute_constraints } of groups) {
    if (attribute_constraints.length === 0) {
      return {
        error: `'OfferConstraints::RoleConstraints::groups' for role ${role}contains an empty RoleConstraints::Group`,
      };
    }
    const group: AttributeConstraint[] = [];
    for (const wire of attribute_constraints) {
      const constraint = readConstraint(wire);
      if (typeof constraint === "string") {
        return { error: `A role ${role} has an invalid 'AttributeConstraint': ${constraint}` };
      }
      group.push(constraint);
    }
    read.push(group);
  }
  return { groups: read };
}

/** @returns a text that says what is wrong */
function readConstraint(wire: WireAttributeConstraint): AttributeConstraint | string {
  const selector = readSelector(wire.selector);
  if (typeof selector === "string") return selector;
  const predicate = readPredicate(wire.predicate);
  return typeof predicate === "string" ? predicate : { selector, predicate };
}

function readSelector(selector: WireAttributeConstraint["selector"]): AttributeConstraint["selector"] | string {
  if (selector.attribute_name !== undefined) return { attribute: selector.attribute_name };
  const pseudo = selector.pseudoattribute_type;
  if (pseudo === undefined) return NOTHING_SELECTED;
  return pseudo === "UNKNOWN" ? "Unknown pseudoattribute type" : { pseudo };
}

function readPredicate(wire: WireAttributeConstraint["predicate"]): AttributeConstraint["predicate"] | string {
  if (wire.exists) return { is: "exists" };
  if (wire.not_exists) return { is: "not-exists" };
  if (wire.text_equals) return { is: "equals", value: wire.text_equals.value };
  if (wire.text_not_equals) return { is: "not-equals", value: wire.text_not_equals.value };
  if (wire.text_matches) return regexError(wire.text_matches.regex) ?? { is: "matches", ...wire.text_matches };
  if (wire.text_not_matches)
    return regexError(wire.text_not_matches.regex) ?? { is: "not-matches", ...wire.text_not_matches };
  return "Unknown predicate type";
}
