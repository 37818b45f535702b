/** A role of which some properties are named anew: what to send, and what that changes. */

import { Problem } from "../../src/model/problems.ts";
import { DEFAULT_POLICY, ROLE } from "../../src/model/role.ts";
import { policyOf, type RolePolicyInput, rolePolicySchema } from "../../src/model/roleRequest.ts";
import type { RoleView } from "../../src/model/views.ts";
import { changed, wordsOf } from "./amounts.ts";
import { checked } from "./checked.ts";
import { changesBetween, type Outcome, toldRole, unusual } from "./told.ts";

export interface RoleOptions {
  weight?: number;
  guarantee?: string;
  limit?: string;
  lend?: string;
  borrow?: string;
}

/** The word that takes all of it away, by option. */
const CLEARING = { guarantee: "none", limit: "none", lend: "all", borrow: "all" } as const;
const AMOUNTS = ["guarantee", "limit", "lend", "borrow"] as const;

export function roleNamed(typed: string): string {
  if (ROLE.test(typed)) return typed;
  throw new Problem("invalid-request", `"${typed}" names no role; write it like lab or lab/ml. List them: hansa roles`);
}

export function changeOfRole(
  view: RoleView,
  options: RoleOptions,
): { body: RolePolicyInput; outcome: Outcome; changes: string[] } {
  const body: RolePolicyInput = { weight: options.weight ?? view.weight };
  for (const property of AMOUNTS) {
    const typed = options[property];
    const before = wordsOf(view[property]);
    body[property] =
      typed === undefined ? before : typed === CLEARING[property] ? {} : changed(before, typed, `--${property}`);
  }
  const after = toldRole(policyOf(checked(rolePolicySchema, body, `role ${view.name}`)));
  if (!view.configured) return { body, outcome: "created", changes: unusual(toldRole(DEFAULT_POLICY), after) };
  const changes = changesBetween(toldRole(view), after);
  return { body, outcome: changes.length > 0 ? "changed" : "unchanged", changes };
}

/** Each under its parent, whatever stands between their names when they are sorted as texts. */
export const asTree = (roles: readonly RoleView[]): RoleView[] =>
  roles.toSorted((a, b) => compareParts(a.name.split("/"), b.name.split("/")));

function compareParts(a: readonly string[], b: readonly string[]): number {
  for (const [i, part] of a.entries()) {
    const other = b[i];
    if (other === undefined) return 1;
    if (part !== other) return part < other ? -1 : 1;
  }
  return a.length - b.length;
}

export const depthOf = (role: string): number => role.split("/").length - 1;
