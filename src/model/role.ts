/**
 * Roles: who resources are shared among. A tree by name, `lab/ml` under `lab`; a role that nobody configured has the
 * defaults, and so has every ancestor that is only implied.
 */
import type { Resources } from "./resources.ts";

/** `lab`, `lab/ml`: up to four lower-case DNS labels. */
export const ROLE = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\/[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?){0,3}$/;
export const MAX_ROLE_CHARS = 128;
export const DEFAULT_ROLE = "default";

/** Amounts per resource; a resource that is not named has no such bound. */
export type Bounds = Resources;

export interface RolePolicy {
  /** its part when roles that want more compete: 2 gets twice as much as 1 */
  weight: number;
  /** what it gets whenever it asks, wherever there is room; on top of the partitions it owns */
  guarantee: Resources;
  /** never more than this at once, over all clusters; a resource that is not named is not limited */
  limit: Bounds;
  /** of its guarantee, others may use at most this while it is idle; not named: all of it */
  lend: Bounds;
  /** beyond its guarantee it may use at most this; not named: whatever is idle */
  borrow: Bounds;
}

export const DEFAULT_POLICY: RolePolicy = { weight: 1, guarantee: {}, limit: {}, lend: {}, borrow: {} };

/** `lab/ml` → `lab`; null for one without a parent */
export function parentOf(role: string): string | null {
  const slash = role.lastIndexOf("/");
  return slash < 0 ? null : role.slice(0, slash);
}

/** The role itself, then what it is under, nearest first. */
export function lineage(role: string): string[] {
  const line: string[] = [];
  for (let at: string | null = role; at !== null; at = parentOf(at)) line.push(at);
  return line;
}

/** Whether `role` is `ancestor` or under it. */
export const isWithin = (role: string, ancestor: string): boolean =>
  role === ancestor || role.startsWith(`${ancestor}/`);
