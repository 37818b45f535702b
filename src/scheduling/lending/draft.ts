/** A decision in the making: what was started waits no more and is no longer free, what is given back is free again. */
import type { Attempt, Gang, LendingView, Line } from "./view.ts";

export class Draft {
  readonly view: LendingView;
  readonly start: Gang[] = [];
  readonly stop = new Set<Attempt>();
  free: number;
  private readonly inUse: Map<string, number>;
  private readonly taken = new Map<Line, number>();

  constructor(view: LendingView) {
    this.view = view;
    this.free = view.free;
    this.inUse = new Map(view.inUse);
  }

  /** What the owner may still take of its own; below zero, what it borrows. */
  room = (owner: string): number => (this.view.quotas.get(owner) ?? 0) - (this.inUse.get(owner) ?? 0);

  /** Attempts that run on. */
  *running(): Generator<Attempt> {
    for (const attempt of this.view.attempts) if (!this.stop.has(attempt)) yield attempt;
  }

  /** The oldest gang of each line. */
  *heads(): Generator<Gang> {
    for (const line of this.view.lines) {
      const head = line.waiting[this.taken.get(line) ?? 0];
      if (head !== undefined) yield head;
    }
  }

  /** The gang that waits longest, of all or of one owner. */
  oldest(owner?: string): Gang | undefined {
    let oldest: Gang | undefined;
    for (const head of this.heads()) {
      if (owner !== undefined && head.owner !== owner) continue;
      if (oldest === undefined || head.id < oldest.id) oldest = head;
    }
    return oldest;
  }

  take(gang: Gang): void {
    const line = this.view.lines.find(({ owner, size }) => owner === gang.owner && size === gang.size);
    if (line !== undefined) this.taken.set(line, (this.taken.get(line) ?? 0) + 1);
    this.use(gang, 1);
    this.start.push(gang);
  }

  giveBack(attempt: Attempt): void {
    this.use(attempt.gang, -1);
    this.stop.add(attempt);
  }

  private use({ owner, size }: Gang, sign: 1 | -1): void {
    this.inUse.set(owner, (this.inUse.get(owner) ?? 0) + sign * size);
    this.free -= sign * size;
  }
}
