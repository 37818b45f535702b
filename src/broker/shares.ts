/** Roles and what they are promised, the league's settings, and what each role used in the past. */
import { DEFAULT_SETTINGS, type LeagueSettings } from "../model/league.ts";
import { policyNotes } from "../model/notes.ts";
import { partitionKey } from "../model/partition.ts";
import { Problem } from "../model/problems.ts";
import { add, type Resources } from "../model/resources.ts";
import { DEFAULT_POLICY, isWithin, lineage, type RolePolicy } from "../model/role.ts";
import type { RoleView } from "../model/views.ts";
import { accrue, enter, weighted } from "../scheduling/history.ts";
import type { RoundPartition, RoundResult } from "../scheduling/input.ts";
import { charged, type JobMemory, sumOf } from "./state.ts";
import type { BrokerStore } from "./store.ts";

const MAX_ROLES = 1_000;
/** A clock that jumped, or an object that slept, counts at most so much. */
const MAX_ELAPSED_MS = 3_600_000;

export class Shares {
  readonly #store: BrokerStore;
  readonly #policies = new Map<string, RolePolicy>();
  /** decayed mean of use, by role, as of `#at` */
  readonly #past = new Map<string, Resources>();
  #settings: LeagueSettings;
  #inUse = new Map<string, Resources>();
  #at: number;

  constructor(store: BrokerStore, now: number) {
    this.#store = store;
    for (const { name, policy } of store.roles()) this.#policies.set(name, policy);
    // Rows of an earlier version lack what came since.
    this.#settings = { ...DEFAULT_SETTINGS, ...store.settings() };
    const kept = store.history();
    for (const [role, past] of Object.entries(kept?.use ?? {})) this.#past.set(role, past);
    this.#at = kept?.at ?? now;
  }

  get policies(): ReadonlyMap<string, RolePolicy> {
    return this.#policies;
  }
  get settings(): LeagueSettings {
    return this.#settings;
  }

  /** @returns whether anything changed */
  put(name: string, policy: RolePolicy): boolean {
    if (JSON.stringify(this.#policies.get(name)) === JSON.stringify(policy)) return false;
    if (this.#policies.size >= MAX_ROLES && !this.#policies.has(name))
      throw new Problem("conflict", `a league has at most ${MAX_ROLES} configured roles`);
    this.#policies.set(name, policy);
    this.#store.saveRole({ name, policy });
    return true;
  }

  remove(name: string): void {
    if (!this.#policies.delete(name))
      throw new Problem("not-found", `role ${name} is not configured: it has the defaults`);
    this.#store.removeRole(name);
  }

  /** @returns whether anything changed */
  change(settings: Partial<LeagueSettings>): boolean {
    const changed = { ...this.#settings, ...settings };
    if (JSON.stringify(changed) === JSON.stringify(this.#settings)) return false;
    this.#settings = changed;
    this.#store.saveSettings(changed);
    return true;
  }

  // Past use.

  /** What was in use since the last time has been so for as long. */
  accrue(jobs: Iterable<JobMemory>, frameworks: ReadonlyMap<string, Resources>, now: number): void {
    for (const [role, past] of this.#pastAt(now)) this.#past.set(role, past);
    this.#at = now;
    this.#inUse = chargedByRole(jobs, frameworks);
  }

  #pastAt(now: number): Map<string, Resources> {
    const elapsedMs = Math.max(0, Math.min(now - this.#at, MAX_ELAPSED_MS));
    const { historyHalfLifeMs } = this.#settings;
    const roles = new Set([...this.#past.keys(), ...this.#inUse.keys()]);
    return new Map(
      [...roles].map((role) => {
        const [past, inUse] = [this.#past.get(role) ?? {}, this.#inUse.get(role) ?? {}];
        return [role, accrue(past, inUse, elapsedMs, historyHalfLifeMs)];
      }),
    );
  }

  /** So many tasks were handed to a cluster; negative: came back without having run. */
  entered(role: string, demand: Resources, tasks: number): void {
    const { entryPenaltyMs, historyHalfLifeMs } = this.#settings;
    const past = enter(this.#past.get(role) ?? {}, demand, tasks, entryPenaltyMs, historyHalfLifeMs);
    this.#past.set(role, atLeastNothing(past));
  }

  /** As a round counts it. */
  history(now: number = this.#at): Map<string, Resources> {
    const { historyWeight } = this.#settings;
    const history = new Map<string, Resources>();
    if (historyWeight === 0) return history;
    for (const [role, past] of this.#pastAt(now)) {
      const counted = weighted(past, historyWeight);
      if (Object.keys(counted).length > 0) history.set(role, counted);
    }
    return history;
  }

  /** Only a hint is lost when it is not. */
  save(): void {
    for (const [role, past] of this.#past) if (Object.keys(weighted(past, 1)).length === 0) this.#past.delete(role);
    this.#store.saveHistory({ at: this.#at, use: Object.fromEntries(this.#past) });
  }

  // What people see.

  /** Those that are configured, own something, or have jobs, every ancestor too. */
  views(
    partitions: readonly RoundPartition[],
    jobs: Iterable<JobMemory>,
    frameworks: ReadonlyMap<string, Resources>,
    last: RoundResult | null,
  ): RoleView[] {
    const all = [...jobs];
    const used = chargedByRole(all, frameworks);
    const owners = partitions.flatMap(({ owner }) => owner ?? []);
    const names = new Set(
      [...this.#policies.keys(), ...owners, ...all.map((job) => job.template.role), ...frameworks.keys()].flatMap(
        lineage,
      ),
    );
    return [...names].sort().map((name) => this.#view(name, partitions, all, used, last));
  }

  view(
    name: string,
    partitions: readonly RoundPartition[],
    jobs: Iterable<JobMemory>,
    frameworks: ReadonlyMap<string, Resources>,
    last: RoundResult | null,
  ): RoleView {
    const all = [...jobs];
    return this.#view(name, partitions, all, chargedByRole(all, frameworks), last);
  }

  #view(
    name: string,
    partitions: readonly RoundPartition[],
    jobs: readonly JobMemory[],
    used: ReadonlyMap<string, Resources>,
    last: RoundResult | null,
  ): RoleView {
    const under = <T>(entries: Iterable<[string, T]>): T[] =>
      [...entries].filter(([role]) => isWithin(role, name)).map(([, value]) => value);
    const whole = (amounts: readonly Resources[]): Resources =>
      amounts.reduce((sum: Resources, one) => add(sum, one), {});
    const decided = last?.roles.get(name);
    return {
      name,
      configured: this.#policies.has(name),
      ...(this.#policies.get(name) ?? DEFAULT_POLICY),
      owns: partitions.filter(({ owner }) => owner === name).map((one) => partitionKey(one.cluster, one.name)),
      entitled: decided?.entitled ?? {},
      charged: whole(under(used)),
      history: weighted(whole(under(this.#past)), 1),
      share: decided?.share ?? 0,
      jobs: jobs.filter(({ template }) => isWithin(template.role, name)).length,
      notes: policyNotes(this.#policies.get(name) ?? DEFAULT_POLICY, whole(partitions.map(({ usable }) => usable))),
    };
  }
}

const atLeastNothing = (past: Resources): Resources =>
  Object.fromEntries(Object.entries(past).map(([name, amount]) => [name, Math.max(0, amount)]));

/** What jobs may be using now. @param frameworks what those have, by role */
function chargedByRole(jobs: Iterable<JobMemory>, frameworks: ReadonlyMap<string, Resources>): Map<string, Resources> {
  const used = new Map(frameworks);
  for (const { template, grants } of jobs) {
    let tasks = 0;
    for (const grant of grants.values()) tasks += sumOf(charged(grant));
    if (tasks > 0) used.set(template.role, add(used.get(template.role) ?? {}, template.resources, tasks));
  }
  return used;
}
