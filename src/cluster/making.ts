/** Room that is being made: for whom, on which node, and who is stopped for it. Places are hints; what is lost is decided anew. */
import { add, type Resources, subtract } from "../model/resources.ts";
import type { JobState, Live } from "./state.ts";

export type ClaimKind = "own" | "priority";

/** A place for one task. */
export interface Made {
  /** under which it is kept once its victims are gone */
  key: string;
  job: JobState;
  kind: ClaimKind;
  partition: string;
  node: string;
  victims: readonly Live[];
  /** since when all of them are gone, and it is a place that is kept; null: some are not */
  goneAt: number | null;
}

export class Making {
  #places: Made[] = [];
  /** by job, kind and partition: since when it may have room made */
  readonly #since = new Map<string, number>();
  /** by the same: the gen by which a place was kept for it in vain */
  readonly #lapsed = new Map<string, number>();
  #added = 0;
  /** when there is something to decide again; null: when something happens */
  nextAt: number | null = null;

  get places(): readonly Made[] {
    return this.#places;
  }
  get isEmpty(): boolean {
    return this.#places.length === 0;
  }

  add(room: Omit<Made, "key" | "goneAt">): Made {
    this.#added += 1;
    const made = { ...room, key: `made/${this.#added}`, goneAt: null };
    this.#places.push(made);
    return made;
  }
  drop(made: Made): void {
    this.#places = this.#places.filter((one) => one !== made);
  }

  of(job: string, partition: string): Made[] {
    return this.#places.filter((made) => made.job.id === job && made.partition === partition);
  }

  /** By partition, places for tasks of the job that have not started. */
  countsOf(job: string): Map<string, number> {
    const counts = new Map<string, number>();
    for (const made of this.#places)
      if (made.job.id === job) counts.set(made.partition, (counts.get(made.partition) ?? 0) + 1);
    return counts;
  }

  /** What others must not take there while victims stop: all that is made room for, less what they still have. */
  keptOn(node: string): Resources {
    let kept: Resources = {};
    for (const made of this.#places) if (made.node === node) kept = add(kept, keptFor(made));
    return kept;
  }

  nodes(): Set<string> {
    return new Set(this.#places.map(({ node }) => node));
  }

  /** @returns since when the claim stands */
  since(job: string, kind: ClaimKind, partition: string, now: number): number {
    const key = keyOf(job, kind, partition);
    const since = this.#since.get(key) ?? now;
    this.#since.set(key, since);
    return since;
  }

  /** A place was kept for it for as long as one is, and the Broker has not let it start. */
  lapse({ job, kind, partition }: Made): void {
    this.#lapsed.set(keyOf(job.id, kind, partition), job.gen);
  }

  /** So it is since the Broker was last heard on it. */
  hasLapsed({ id, gen }: JobState, kind: ClaimKind, partition: string): boolean {
    return this.#lapsed.get(keyOf(id, kind, partition)) === gen;
  }

  /** Job, kind and partition parted by a space, and since when. */
  *claims(): Generator<[job: string, key: string, since: number]> {
    for (const [key, since] of this.#since) {
      const [job = "", ...rest] = key.split(" ");
      yield [job, rest.join(" "), since];
    }
  }

  /** @param key kind and partition parted by a space */
  recall(job: string, key: string, since: number): void {
    this.#since.set(`${job} ${key}`, since);
  }

  /** Forgets of claims that do not stand any more. */
  keepSince(stands: (job: string, kind: ClaimKind, partition: string) => boolean): void {
    for (const known of [this.#since, this.#lapsed]) {
      for (const key of known.keys()) {
        const [job = "", kind = "", partition = ""] = key.split(" ");
        if (!stands(job, kind as ClaimKind, partition)) known.delete(key);
      }
    }
  }
}

const keyOf = (job: string, kind: ClaimKind, partition: string): string => `${job} ${kind} ${partition}`;

/** Beside the victims; nothing once it is a place that is kept. */
export function keptFor({ job, victims, goneAt }: Made): Resources {
  if (goneAt !== null) return {};
  let kept = job.template.resources;
  for (const victim of victims) if (isThere(victim)) kept = subtract(kept, victim.job.template.resources);
  const left: Record<string, number> = {};
  for (const [name, amount] of Object.entries(kept))
    if (amount > 0 && name in job.template.resources) left[name] = amount;
  return left;
}

export const isThere = (live: Live): boolean => live.job.live.get(live.index) === live;
