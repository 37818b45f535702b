/** Roles as Mesos names them, and the league's that they stand for. */
import { DEFAULT_ROLE, isWithin, MAX_ROLE_CHARS, ROLE } from "../../model/role.ts";

/** Mesos' role of those that have none. */
export const STAR = "*";
const BLANK = /[\t\n\v\f\r \u007f]/;

/** @returns what Mesos says of an invalid role; null: it is valid */
export function roleError(role: string): string | null {
  if (role === STAR) return null;
  if (role.startsWith("/")) return `Role '${role}' cannot start with a slash`;
  if (role.endsWith("/")) return `Role '${role}' cannot end with a slash`;
  if (role.includes("//")) return `Role '${role}' cannot contain two adjacent slashes`;
  if (role === "") return "Role names cannot be the empty string";
  for (const component of role.split("/")) {
    for (const special of [".", "..", STAR]) {
      if (component === special) return `Role '${role}' cannot include '${special}' as a component`;
    }
    if (component.startsWith("-")) {
      return `Role component '${component}' is invalid because it starts with a dash`;
    }
    if (BLANK.test(component)) {
      return `Role component '${component}' is invalid because it contains backspace or whitespace`;
    }
  }
  return null;
}

/**
 * The league's role of a framework's, which a credential keeps within its own.
 * @param within the credential's role; null: it is for the whole league
 * @returns null when the league can't have such a name
 */
export function leagueRole(role: string, within: string | null): string | null {
  if (role === STAR) return within ?? DEFAULT_ROLE;
  const plain = role.toLowerCase().replaceAll(/[^a-z0-9/-]/g, "-");
  const placed = within === null || isWithin(plain, within) ? plain : `${within}/${plain}`;
  return ROLE.test(placed) && placed.length <= MAX_ROLE_CHARS ? placed : null;
}

/** @returns what is wrong with a role for this credential; null: nothing */
export function roleErrorWithin(role: string, within: string | null): string | null {
  const error = roleError(role);
  if (error !== null || leagueRole(role, within) !== null) return error;
  const under = within === null ? "" : `, those under '${within}' included`;
  return `Role '${role}' has no name in this league: roles are up to four parts of letters, digits and hyphens, at most 63 each${under}`;
}
