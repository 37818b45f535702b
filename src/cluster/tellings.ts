/** Jobs of which the Broker does not know the present state yet: those with `dirty`, found without looking at all. */
import { Candidates } from "./candidates.ts";
import { type DirtWatcher, isIdle, type JobState, runsDry } from "./state.ts";

export class Tellings implements DirtWatcher {
  readonly #soon = new Set<JobState>();
  readonly #now = new Set<JobState>();
  readonly #urgent = new Candidates<JobState>((job) => this.#now.has(job) && (isIdle(job) || runsDry(job)));

  dirtied(job: JobState): void {
    this.delete(job);
    if (job.dirty === "no") return;
    (job.dirty === "now" ? this.#now : this.#soon).add(job);
    this.#urgent.add(job);
  }

  /** It may have come to its end here, dirty or not. */
  changed(job: JobState): void {
    this.#urgent.add(job);
  }

  get soon(): ReadonlySet<JobState> {
    return this.#soon;
  }

  get now(): ReadonlySet<JobState> {
    return this.#now;
  }

  /** One of those to be told now ended here, or would soon have nothing left to hand out. */
  isUrgent(): boolean {
    return this.#urgent.hasAny();
  }

  delete(job: JobState): void {
    this.#now.delete(job);
    this.#soon.delete(job);
    this.#urgent.delete(job);
  }
}
