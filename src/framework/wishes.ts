/** What a framework wants: checked, changed, and told to the Broker as a level. */

import type { FrameworkInfo } from "../model/framework.ts";
import { isWithin } from "../model/role.ts";
import type { FrameworkLevel, FrameworkWish } from "../protocol/frameworks.ts";
import type { Self, SelfBody } from "./state.ts";

export const PRINCIPAL_CHANGED = "Changing framework's principal is not allowed.";

/** @returns what of it may not change; null: it may */
export function updateError(before: FrameworkInfo, after: FrameworkInfo): string | null {
  if (before.principal !== after.principal) return PRINCIPAL_CHANGED;
  const unsupported = (field: string, from: unknown, to: unknown): string =>
    `Updating 'FrameworkInfo.${field}' is unsupported; attempted to update from '${from}' to '${to}'`;
  if (before.user !== after.user) return unsupported("user", before.user, after.user);
  if (before.checkpoint !== after.checkpoint) return unsupported("checkpoint", before.checkpoint, after.checkpoint);
  return null;
}

/** Roles that see again what they refused. */
export function revive(self: Self, roles: readonly string[]): Self {
  const revived = { ...self.revived };
  for (const role of roles) revived[role] = (revived[role] ?? 0) + 1;
  return { ...self, revived, suppressed: self.suppressed.filter((role) => !roles.includes(role)) };
}

export const suppress = (self: Self, roles: readonly string[]): Self => ({
  ...self,
  suppressed: [...new Set([...self.suppressed, ...roles])],
});

export const roleNames = ({ info }: SelfBody): string[] => info.roles.map(({ name }) => name);

export function levelOf(id: string, self: Self): FrameworkLevel {
  const { rev, state, info, suppressed, constraints, revived } = self;
  const { name, user, principal, checkpoint, capabilities } = info;
  const roles = info.roles.map(
    (role): FrameworkWish => ({
      ...role,
      suppressed: suppressed.includes(role.name),
      revived: revived[role.name] ?? 0,
      minAllocatable: info.minAllocatable[role.name] ?? null,
      constraints: constraints.roles[role.name] ?? null,
    }),
  );
  return { id, rev, state, name, user, principal, checkpoint, capabilities, roles };
}

/** Credentials of one role have no say over frameworks of another. @returns what is wrong; null: nothing */
export function strangerError({ roles }: Pick<FrameworkInfo, "roles">, within: string | undefined): string | null {
  const other = within === undefined ? undefined : roles.find(({ role }) => !isWithin(role, within));
  return other === undefined
    ? null
    : `The framework has role '${other.role}', which is not within role '${within}' of these credentials`;
}
