/** What looks like a mistake in a policy and may yet be meant: said, not refused. */
import { nearest } from "./nearest.ts";
import { formatAmount, type Resources } from "./resources.ts";
import type { RolePolicy } from "./role.ts";

/** @param total what there is: with nothing in it nobody can tell */
export function unknownResources(what: string, named: Iterable<string>, total: Resources): string[] {
  const known = Object.keys(total);
  if (known.length === 0) return [];
  return [...new Set(named)]
    .filter((name) => !known.includes(name))
    .map((name) => {
      const meant = nearest(name, known);
      return `${what}: no node has ${name}${meant === null ? "" : `; did you mean ${meant}?`}`;
    });
}

/** @param league all that there is */
export function policyNotes({ guarantee, limit, lend, borrow }: RolePolicy, league: Resources): string[] {
  const notes = Object.entries({ guarantee, limit, lend, borrow }).flatMap(([what, amounts]) =>
    unknownResources(what, Object.keys(amounts), league),
  );
  for (const [name, promised] of Object.entries(guarantee)) {
    const most = limit[name];
    const told = `guarantee of ${formatAmount(name, promised)} ${name}`;
    if (most !== undefined && most < promised)
      notes.push(`${told} is more than its limit of ${formatAmount(name, most)}`);
    const all = league[name];
    if (all !== undefined && all < promised)
      notes.push(`${told} is more than the league has (${formatAmount(name, all)})`);
  }
  return notes;
}
