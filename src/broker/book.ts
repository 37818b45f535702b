/** The jobs that are not over, and which of them and of their grants changed in this turn. */
import { Problem } from "../model/problems.ts";
import type { JobView } from "../model/views.ts";
import { countsOf, type GrantState, type JobMemory, jobMemory, liveOf, terminalOf } from "./state.ts";
import type { BrokerStore } from "./store.ts";
import { terminalSize } from "./supply.ts";

export class JobBook {
  readonly #store: BrokerStore;
  readonly #live = new Map<string, JobMemory>();
  readonly #changedJobs = new Set<JobMemory>();
  readonly #changedGrants = new Set<GrantState>();
  /** of these something is to be told to who watches them */
  #progressed = new Set<string>();
  #ordinal: number;

  constructor(store: BrokerStore) {
    this.#store = store;
    for (const row of store.liveJobs()) this.#live.set(row.id, jobMemory(row, store.grantsOf(row.id)));
    this.#ordinal = store.newestOrdinal();
  }

  /** Oldest first. */
  live(): JobMemory[] {
    return [...this.#live.values()];
  }
  get size(): number {
    return this.#live.size;
  }
  isLive(id: string): boolean {
    return this.#live.has(id);
  }
  get(id: string): JobMemory | undefined {
    return this.#live.get(id);
  }
  /** Live or over; null: there is none. */
  lookUp(id: string): JobMemory | null {
    const known = this.#live.get(id);
    if (known) return known;
    const row = this.#store.job(id);
    return row ? jobMemory(row, this.#store.grantsOf(id)) : null;
  }
  /** @throws Problem `not-found` */
  find(id: string): JobMemory {
    const job = this.lookUp(id);
    if (!job) throw new Problem("not-found", `there is no job ${id}`);
    return job;
  }

  get newestOrdinal(): number {
    return this.#ordinal;
  }

  /** The newest of all. */
  add(job: JobMemory): void {
    this.#ordinal = job.ordinal;
    this.#live.set(job.id, job);
  }
  /** As it stands now, with what it was given in its first round. */
  insert(job: JobMemory, items: readonly string[] | null): void {
    this.#store.insertJob(job, items);
    this.#changedJobs.delete(job);
  }

  changed(job: JobMemory): void {
    this.#changedJobs.add(job);
  }
  changedGrant(grant: GrantState): void {
    this.#changedGrants.add(grant);
  }
  progressed(job: JobMemory): void {
    this.#progressed.add(job.id);
  }
  /** Those that did and are not over, once. */
  takeProgressed(): JobMemory[] {
    const jobs = [...this.#progressed].flatMap((id) => this.#live.get(id) ?? []);
    this.#progressed = new Set();
    return jobs;
  }

  /** @returns how it ended; null: it has not */
  endIfOver(job: JobMemory, now: number): { state: JobView["state"]; counts: JobView["counts"] } | null {
    const terminal = terminalOf(job);
    const live = [...job.grants.values()].some((grant) => liveOf(grant) > 0 && grant.supply.length > 0);
    if (terminalSize(terminal) < job.count || live) return null;
    job.state = terminal.failed.length > 0 ? "failed" : terminal.cancelled.length > 0 ? "cancelled" : "succeeded";
    job.endedAt = now;
    this.changed(job);
    this.#live.delete(job.id);
    this.#progressed.delete(job.id);
    return { state: job.state, counts: countsOf(job, terminal) };
  }

  save(): void {
    for (const job of this.#changedJobs) this.#store.updateJob(job);
    for (const grant of this.#changedGrants) this.#store.saveGrant(grant);
    this.#changedJobs.clear();
    this.#changedGrants.clear();
  }
}
