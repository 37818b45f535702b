/** Partitions: named shares of a cluster's resources. Every cluster has a last one, `default`, that holds the rest. */
import { MAX_AMOUNT, type Resources } from "./resources.ts";

export const REST = "default";

/** Per resource an absolute amount in milli-units, or a part of the whole in percent. */
export type Amounts = Readonly<Record<string, { amount: number } | { percent: number }>>;

export interface PartitionSpec {
  name: string;
  /** a node belongs to it if it satisfies all; none: every node. Of several partitions of whole nodes the first wins */
  nodes: readonly string[];
  /** null: whole nodes. Otherwise so much of those nodes, wherever on them it is free */
  slice: Amounts | null;
  /** the role that gets it back when it asks; null: nobody's */
  owner: string | null;
  /** what others than the owner may use at once; a resource that is not named: all of it */
  lend: Amounts;
  pack: "pack" | "spread";
  /** of one cpu with what belongs to it, for an hour, in whatever unit the league counts */
  price: number;
  /** how fast a task runs here, against 1 elsewhere */
  speed: number;
}

export const restSpec = (): PartitionSpec => ({
  name: REST,
  nodes: [],
  slice: null,
  owner: null,
  lend: {},
  pack: "spread",
  price: 1,
  speed: 1,
});

/** `CLUSTER/PARTITION`: names one in the league. */
export type PartitionKey = string;
export const partitionKey = (cluster: string, partition: string): PartitionKey => `${cluster}/${partition}`;
export function parsePartitionKey(key: PartitionKey): { cluster: string; partition: string } {
  const slash = key.indexOf("/");
  return { cluster: key.slice(0, slash), partition: key.slice(slash + 1) };
}

/** The amounts of `whole` that `amounts` names, never more than there is. */
export function resolveAmounts(amounts: Amounts, whole: Resources): Resources {
  const resolved: Record<string, number> = {};
  for (const [name, wanted] of Object.entries(amounts)) {
    const all = whole[name] ?? 0;
    resolved[name] =
      "amount" in wanted
        ? Math.min(wanted.amount, all, MAX_AMOUNT)
        : Math.floor((all * Math.min(wanted.percent, 100)) / 100);
  }
  return resolved;
}
