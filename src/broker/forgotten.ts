/**
 * What frameworks run on the nodes of a Cluster that lost its rows: it is charged to their roles until the Cluster says
 * that nothing of it can run any more. Not to a partition: nobody knows where it is, and its nodes say what is free.
 */
import { DEFAULT_LOST_AFTER_MS } from "../model/job.ts";
import type { PartitionKey } from "../model/partition.ts";
import { add, type Resources } from "../model/resources.ts";
import type { Forgotten } from "../protocol/frameworks.ts";
import type { FrameworkGrantRow } from "./store.ts";

type Amounts = ReadonlyMap<PartitionKey, Resources>;
type Reported = NonNullable<FrameworkGrantRow["reported"]>;

/**
 * As it was reported, and nothing of it is known any more.
 *
 * @param gen of what the Cluster is told next @param had by the league's role, what may run
 */
export function forget(
  { framework, reported }: Pick<FrameworkGrantRow, "framework" | "reported">,
  gen: number,
  had: Iterable<{ role: string; used: Amounts; mayUse?: Amounts }>,
): Reported | null {
  const roles: Record<string, Resources> = { ...reported?.forgotten?.roles };
  for (const { role, used, mayUse } of had)
    for (const amounts of [...used.values(), ...(mayUse?.values() ?? [])])
      roles[role] = add(roles[role] ?? {}, amounts);
  const isAny = Object.values(roles).some((amounts) => Object.values(amounts).some((amount) => amount > 0));
  if (!isAny) return null;
  // Of some tasks no report may have told.
  const lostAfterMs = Math.max(reported?.lostAfterMs ?? DEFAULT_LOST_AFTER_MS, reported?.forgotten?.lostAfterMs ?? 0);
  return { framework, genApplied: 0, uses: [], isGone: false, forgotten: { gen, lostAfterMs, roles } };
}

/** As a Cluster says it now. */
export function remember(before: Reported | null, said: Reported): Reported {
  const forgotten = before?.forgotten;
  const isOver = forgotten === undefined || (said.recovered ?? 0) >= forgotten.gen;
  return isOver ? said : { ...said, forgotten };
}

/** What the Cluster needs to know of it. */
export const told = ({ gen, lostAfterMs }: Forgotten): Forgotten => ({ gen, lostAfterMs });
