/** Room that is being made: for whom, on which node, and who is stopped for it. Places are hints; what is lost is decided anew. */
import { add, type Resources, subtract } from "../model/resources.ts";
import type { JobState, Live } from "./state.ts";

export type ClaimKind = "own" | "priority";

/** Places for all that start at once: for one task, or for a gang. */
export interface Made {
  /** under which they are kept once its victims are gone */
  key: string;
  job: JobState;
  kind: ClaimKind;
  partition: string;
  /** number of the gang that they are for; null: for any one task of the job */
  gang: number | null;
  /** by node */
  places: ReadonlyMap<string, number>;
  victims: readonly Live[];
  /** it waits no longer than until then for them to be gone */
  untilMs: number;
  /** since when all of them are gone, and its places are kept; null: some are not */
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

  /** @param kind absent: either */
  placesIn(job: string, partition: string, kind?: ClaimKind): number {
    let places = 0;
    for (const made of this.#places) {
      const isMeant = made.job.id === job && made.partition === partition && (kind ?? made.kind) === made.kind;
      if (isMeant) places += sizeOf(made);
    }
    return places;
  }

  /** By partition, places for tasks of the job that have not started. */
  countsOf(job: string): Map<string, number> {
    const counts = new Map<string, number>();
    for (const made of this.#places)
      if (made.job.id === job) counts.set(made.partition, (counts.get(made.partition) ?? 0) + sizeOf(made));
    return counts;
  }

  forGang(job: string, gang: number): Made | undefined {
    return this.#places.find((made) => made.job.id === job && made.gang === gang);
  }

  /** What others must not take there while victims stop: all that is made room for, less what they still have. */
  keptOn(node: string): Resources {
    let kept: Resources = {};
    for (const made of this.#places) kept = add(kept, keptFor(made, node));
    return kept;
  }

  nodes(): Set<string> {
    return new Set(this.#places.flatMap(({ places }) => [...places.keys()]));
  }

  /** @returns since when the claim stands */
  since(job: string, kind: ClaimKind, partition: string, now: number): number {
    const key = keyOf(job, kind, partition);
    const since = this.#since.get(key) ?? now;
    this.#since.set(key, since);
    return since;
  }

  /** It has waited for its victims, or been kept for a claim that the Broker lets nobody start for, as long as may be. */
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

export const sizeOf = ({ places }: Pick<Made, "places">): number =>
  [...places.values()].reduce((n, there) => n + there, 0);

/** Beside the victims on the node; nothing once its places are kept. */
export function keptFor({ job, places, victims, goneAt }: Made, node: string): Resources {
  const there = places.get(node);
  if (there === undefined || goneAt !== null) return {};
  let kept = add({}, job.template.resources, there);
  for (const victim of victims)
    if (victim.node === node && isThere(victim)) kept = subtract(kept, victim.job.template.resources);
  const left: Record<string, number> = {};
  for (const [name, amount] of Object.entries(kept))
    if (amount > 0 && name in job.template.resources) left[name] = amount;
  return left;
}

export const isThere = (live: Live): boolean => live.job.live.get(live.index) === live;
