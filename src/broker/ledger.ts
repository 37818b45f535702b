/**
 * Who lent what to whom: each use of a partition is an entry between the role that owned it and the role that used it.
 * Clusters count; here it is kept beyond what a cluster may lose, and summed up. Lent and borrowed are the two sides of
 * one entry, so the ledger always balances.
 */
import { partitionKey } from "../model/partition.ts";
import { isWithin } from "../model/role.ts";
import type { LedgerView } from "../model/views.ts";
import type { Report, Use } from "../protocol/levels.ts";
import type { BrokerStore, LedgerRow } from "./store.ts";

/** Absolute counts come again with the next report: all are stored when a job ended, each after so long. */
const SAVE_EVERY_MS = 10_000;

type Sums = Record<string, number>;
export type Total = Pick<Use, "taskMs" | "resourceMs">;

export class Ledger {
  readonly #store: BrokerStore;
  readonly #rows = new Map<string, LedgerRow>();
  readonly #savedAt = new Map<string, number>();
  readonly #unsaved = new Set<string>();

  constructor(store: BrokerStore) {
    this.#store = store;
    for (const row of store.ledger()) this.#rows.set(row.cluster, row);
  }

  /** @param isEnd a job ended with this report */
  note(report: Report, isEnd: boolean, now: number): void {
    const { cluster } = report;
    const isNew = this.#rows.get(cluster)?.since !== report.usedSince;
    this.#count(report);
    if (isNew || now - (this.#savedAt.get(cluster) ?? 0) >= SAVE_EVERY_MS) this.#save(cluster, now);
    // Of its other clusters no report may come for long.
    if (isEnd) for (const name of this.#unsaved) this.#save(name, now);
  }

  #count({ cluster, used, usedSince }: Report): void {
    const known = this.#rows.get(cluster);
    const isSame = known?.since === usedSince;
    const banked = known && !isSame ? added(known.banked, known.current) : (known?.banked ?? []);
    const current = isSame ? highest(known.current, used) : used;
    if (isSame && JSON.stringify(current) === JSON.stringify(known.current)) return;
    this.#rows.set(cluster, { cluster, since: usedSince, current, banked });
    this.#unsaved.add(cluster);
  }

  #save(cluster: string, now: number): void {
    const row = this.#rows.get(cluster);
    if (!row || !this.#unsaved.delete(cluster)) return;
    this.#store.saveLedger(row);
    this.#savedAt.set(cluster, now);
  }

  /** Of every use there was, all clusters together. */
  total(): Total {
    const resourceMs: Sums = {};
    let taskMs = 0;
    for (const row of this.#rows.values()) {
      for (const use of added(row.banked, row.current)) {
        accumulate(resourceMs, use.resourceMs);
        taskMs += use.taskMs;
      }
    }
    return { taskMs, resourceMs };
  }

  view(): LedgerView {
    const entries = [...this.#rows.values()].flatMap(({ cluster, banked, current }) =>
      added(banked, current).map(({ partition, lender, role, resourceMs }) => ({
        partition: partitionKey(cluster, partition),
        lender,
        borrower: role,
        kind: kindOf(lender, role),
        resourceSeconds: inSeconds(resourceMs),
      })),
    );
    entries.sort(
      (a, b) =>
        compare(a.partition, b.partition) || compare(a.lender ?? "", b.lender ?? "") || compare(a.borrower, b.borrower),
    );
    const roles = rolesOf(entries);
    return { entries, roles, balanced: isBalanced(entries, roles) };
  }
}

type Entry = LedgerView["entries"][number];

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const kindOf = (lender: string | null, role: string): Entry["kind"] =>
  lender === null ? "common" : isWithin(role, lender) ? "own" : "lent";

function rolesOf(entries: readonly Entry[]): LedgerView["roles"] {
  const names = new Set(entries.flatMap(({ lender, borrower }) => (lender === null ? [borrower] : [lender, borrower])));
  return [...names].sort().map((role) => {
    const [used, own, common, borrowed, lent]: [Sums, Sums, Sums, Sums, Sums] = [{}, {}, {}, {}, {}];
    for (const { lender, borrower, kind, resourceSeconds } of entries) {
      if (borrower === role) {
        accumulate(used, resourceSeconds);
        accumulate(kind === "own" ? own : kind === "common" ? common : borrowed, resourceSeconds);
      }
      if (lender === role && kind === "lent") accumulate(lent, resourceSeconds);
    }
    return { role, used, own, common, borrowed, lent };
  });
}

/** What all lent is what all borrowed, and what each used is its own, common and borrowed. */
function isBalanced(entries: readonly Entry[], roles: LedgerView["roles"]): boolean {
  const sides: Sums = {};
  for (const { borrowed, lent, used, own, common } of roles) {
    accumulate(sides, borrowed);
    accumulate(sides, lent, -1);
    const parts: Sums = {};
    for (const part of [own, common, borrowed]) accumulate(parts, part);
    accumulate(parts, used, -1);
    if (Object.values(parts).some((rest) => Math.abs(rest) > ROUNDING_S)) return false;
  }
  const all: Sums = {};
  for (const { resourceSeconds } of entries) accumulate(all, resourceSeconds);
  for (const { used } of roles) accumulate(all, used, -1);
  return [...Object.values(sides), ...Object.values(all)].every((rest) => Math.abs(rest) <= ROUNDING_S);
}

/** Seconds are shown in floats. */
const ROUNDING_S = 1e-3;

function accumulate(sums: Sums, more: Readonly<Sums>, times = 1): void {
  for (const [name, amount] of Object.entries(more)) sums[name] = (sums[name] ?? 0) + times * amount;
}

const inSeconds = (resourceMs: Readonly<Sums>): Sums =>
  Object.fromEntries(Object.entries(resourceMs).map(([name, amount]) => [name, amount / 1e6]));

const keyOf = ({ partition, lender, role }: Use): string => `${partition} ${lender ?? ""} ${role}`;

function combined(a: readonly Use[], b: readonly Use[], how: (x: number, y: number) => number): Use[] {
  const byKey = new Map(a.map((use) => [keyOf(use), use]));
  for (const use of b) {
    const known = byKey.get(keyOf(use));
    const resourceMs: Sums = { ...known?.resourceMs };
    for (const [name, amount] of Object.entries(use.resourceMs)) resourceMs[name] = how(resourceMs[name] ?? 0, amount);
    byKey.set(keyOf(use), { ...use, taskMs: how(known?.taskMs ?? 0, use.taskMs), resourceMs });
  }
  return [...byKey.values()];
}

const added = (a: readonly Use[], b: readonly Use[]): Use[] => combined(a, b, (x, y) => x + y);
/** A Cluster that was restored from a backup counts on from there. */
const highest = (a: readonly Use[], b: readonly Use[]): Use[] => combined(a, b, Math.max);
