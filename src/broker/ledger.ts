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
  /** what each cluster had counted when this object first heard of it */
  readonly #before = new Map<string, Total>();

  constructor(store: BrokerStore) {
    this.#store = store;
    for (const row of store.ledger()) this.#rows.set(row.cluster, row);
  }

  /** @param isEnd a job ended with this report */
  note(report: Report, isEnd: boolean, now: number): void {
    const { cluster } = report;
    const isNew = this.#rows.get(cluster)?.since !== report.usedSince;
    this.#count(report);
    const row = this.#rows.get(cluster);
    if (row && !this.#before.has(cluster)) this.#before.set(cluster, totalOf(row));
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
    return sumOf([...this.#rows.values()].map(totalOf));
  }

  /** The same of what came since this object first heard of each cluster. */
  sinceHeard(): Total {
    return sumOf(
      [...this.#before].flatMap(([cluster, before]) => {
        const row = this.#rows.get(cluster);
        return row ? [totalOf(row), negative(before)] : [];
      }),
    );
  }

  view(): LedgerView {
    const entries = [...this.#rows.values()].flatMap(({ cluster, banked, current }) =>
      added(banked, current).map((use): Entry => {
        const { partition, lender, role } = use;
        return {
          partition: partitionKey(cluster, partition),
          lender,
          borrower: role,
          kind: kindOf(lender, role),
          amounts: exact(use),
        };
      }),
    );
    entries.sort(
      (a, b) =>
        compare(a.partition, b.partition) || compare(a.lender ?? "", b.lender ?? "") || compare(a.borrower, b.borrower),
    );
    const accounts = accountsOf(entries);
    return {
      entries: entries.map(({ amounts, ...entry }) => ({ ...entry, resourceSeconds: inSeconds(amounts) })),
      roles: [...accounts]
        .sort(([a], [b]) => compare(a, b))
        .map(([role, { used, own, common, borrowed, lent }]) => ({
          role,
          used: inSeconds(used),
          own: inSeconds(own),
          common: inSeconds(common),
          borrowed: inSeconds(borrowed),
          lent: inSeconds(lent),
        })),
      balanced: isBalanced(accounts.values(), [...this.#rows.values()]),
    };
  }
}

/** milli-unit · ms as they are: a TiB for a few hours is beyond what floats count one by one. */
type Exact = Map<string, bigint>;
type Entry = Omit<LedgerView["entries"][number], "resourceSeconds"> & { amounts: Exact };
type Account = Record<"used" | "own" | "common" | "borrowed" | "lent", Exact>;

function totalOf({ banked, current }: LedgerRow): Total {
  return sumOf(added(banked, current));
}

function sumOf(totals: readonly Total[]): Total {
  const resourceMs: Sums = {};
  let taskMs = 0;
  for (const one of totals) {
    accumulate(resourceMs, one.resourceMs);
    taskMs += one.taskMs;
  }
  return { taskMs, resourceMs };
}

const negative = ({ taskMs, resourceMs }: Total): Total => ({
  taskMs: -taskMs,
  resourceMs: Object.fromEntries(Object.entries(resourceMs).map(([name, amount]) => [name, -amount])),
});

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const kindOf = (lender: string | null, role: string): Entry["kind"] =>
  lender === null ? "common" : isWithin(role, lender) ? "own" : "lent";
const exact = ({ resourceMs }: Use): Exact =>
  new Map(Object.entries(resourceMs).map(([name, amount]) => [name, BigInt(Math.round(amount))]));

function accountsOf(entries: readonly Entry[]): Map<string, Account> {
  const accounts = new Map<string, Account>();
  const of = (role: string): Account => {
    const known = accounts.get(role) ?? {
      used: new Map(),
      own: new Map(),
      common: new Map(),
      borrowed: new Map(),
      lent: new Map(),
    };
    accounts.set(role, known);
    return known;
  };
  for (const { lender, borrower, kind, amounts } of entries) {
    const account = of(borrower);
    enter(account.used, amounts);
    enter(kind === "own" ? account.own : kind === "common" ? account.common : account.borrowed, amounts);
    if (lender !== null) enter(of(lender).lent, kind === "lent" ? amounts : new Map());
  }
  return accounts;
}

/**
 * What all lent is what all borrowed, each role's use is its own, common and borrowed, and all of that together is what
 * the clusters counted.
 */
function isBalanced(accounts: Iterable<Account>, rows: readonly LedgerRow[]): boolean {
  const sides: Exact = new Map();
  const uses: Exact = new Map();
  for (const { used, own, common, borrowed, lent } of accounts) {
    enter(sides, borrowed);
    enter(sides, lent, -1n);
    enter(uses, used);
    const parts: Exact = new Map();
    for (const part of [own, common, borrowed]) enter(parts, part);
    enter(parts, used, -1n);
    if (!isNothing(parts)) return false;
  }
  for (const { banked, current } of rows) for (const use of added(banked, current)) enter(uses, exact(use), -1n);
  return isNothing(sides) && isNothing(uses);
}

const isNothing = (amounts: Exact): boolean => [...amounts.values()].every((amount) => amount === 0n);

function enter(sums: Exact, more: Exact, times = 1n): void {
  for (const [name, amount] of more) sums.set(name, (sums.get(name) ?? 0n) + times * amount);
}

function accumulate(sums: Sums, more: Readonly<Sums>): void {
  for (const [name, amount] of Object.entries(more)) sums[name] = (sums[name] ?? 0) + amount;
}

const inSeconds = (amounts: Exact): Sums =>
  Object.fromEntries([...amounts].map(([name, amount]) => [name, Number(amount) / 1e6]));

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
