/** A job's live attempts by index, and what is asked of them together: counted as they come and go. */

export interface Placed {
  partition: string;
  /** the partition's owner when it was handed out */
  lender: string | null;
  /** by this object's clock */
  assignedAt: number;
  carried: { seq: number };
}

/** How long attempts that go on have held their place, by where. */
export interface Held {
  partition: string;
  lender: string | null;
  ms: number;
}

/** Handed out by an earlier incarnation, which may have handed out its task again since. */
export const isAdopted = ({ carried }: Pick<Placed, "carried">): boolean => carried.seq === 0;

interface Group {
  partition: string;
  lender: string | null;
  count: number;
  /** near to the times that are summed, so that sums stay exact */
  base: number;
  /** of `assignedAt - base` */
  since: number;
}

export class LiveTasks<L extends Placed> extends Map<number, L> {
  readonly #groups = new Map<string, Group>();
  #adopted = 0;
  #newest = Number.NEGATIVE_INFINITY;

  override set(index: number, live: L): this {
    const before = this.get(index);
    if (before) this.#count(before, -1);
    this.#count(live, 1);
    return super.set(index, live);
  }

  override delete(index: number): boolean {
    const before = this.get(index);
    if (before) this.#count(before, -1);
    return super.delete(index);
  }

  override clear(): void {
    for (const index of [...this.keys()]) this.delete(index);
  }

  #count(live: L, times: 1 | -1): void {
    const { partition, lender, assignedAt } = live;
    const key = `${partition} ${lender ?? ""}`;
    const group = this.#groups.get(key) ?? { partition, lender, count: 0, base: assignedAt, since: 0 };
    group.count += times;
    group.since += (assignedAt - group.base) * times;
    if (group.count === 0) this.#groups.delete(key);
    else this.#groups.set(key, group);
    if (isAdopted(live)) this.#adopted += times;
    this.#newest = Math.max(this.#newest, assignedAt);
  }

  get hasAdopted(): boolean {
    return this.#adopted > 0;
  }

  /** By partition. */
  counts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { partition, count } of this.#groups.values()) counts[partition] = (counts[partition] ?? 0) + count;
    return counts;
  }

  held(now: number): Held[] {
    if (now < this.#newest) return this.#heldEach(now);
    return [...this.#groups.values()].map(({ partition, lender, count, base, since }) => ({
      partition,
      lender,
      ms: (now - base) * count - since,
    }));
  }

  /** The clock went back: what was assigned later by it has held nothing yet. */
  #heldEach(now: number): Held[] {
    return [...this.values()].map(({ partition, lender, assignedAt }) => ({
      partition,
      lender,
      ms: Math.max(0, now - assignedAt),
    }));
  }
}
