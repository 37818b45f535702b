/**
 * What Hansa's lending is measured against. Each owner's queue is first come, first served: nothing overtakes its head.
 * `static`: an owner uses what it brought; `borrow`: then heads that fit into what is idle start, oldest first, and
 * keep it; `youngest`: an owner whose head has no room in its own takes it back from the youngest attempts of owners
 * that use more than they brought; `pool`: one queue, nobody owns anything.
 */
import type { Attempt, Gang, LendingPolicy, LendingView } from "../../src/scheduling/lending/view.ts";

/** A decision in the making: what was started is no longer at the head of its queue, nor free. */
class Draft {
  readonly start: Gang[] = [];
  readonly stop: Attempt[] = [];
  readonly inUse: Map<string, number>;
  readonly view: LendingView;
  free: number;
  private readonly taken: number[];

  constructor(view: LendingView) {
    this.view = view;
    this.free = view.free;
    this.inUse = new Map(view.inUse);
    this.taken = view.lines.map(() => 0);
  }

  /** the oldest that waits and is in `among`; absent: nobody */
  oldest(among: (gang: Gang) => boolean): Gang | undefined {
    let oldest: Gang | undefined;
    for (const [i, line] of this.view.lines.entries()) {
      const gang = line.waiting[this.taken[i] ?? 0];
      if (gang !== undefined && (oldest === undefined || gang.id < oldest.id) && among(gang)) oldest = gang;
    }
    return oldest;
  }

  heads(): Gang[] {
    const heads = [...this.view.quotas.keys()].map((owner) => this.oldest((gang) => gang.owner === owner));
    return heads.filter((gang) => gang !== undefined);
  }

  over = (owner: string): number => (this.inUse.get(owner) ?? 0) - (this.view.quotas.get(owner) ?? 0);

  take(gang: Gang): void {
    const line = this.view.lines.findIndex(({ owner, size }) => owner === gang.owner && size === gang.size);
    this.taken[line] = (this.taken[line] ?? 0) + 1;
    this.use(gang, 1);
    this.start.push(gang);
  }

  giveBack(attempt: Attempt): void {
    this.use(attempt.gang, -1);
    this.stop.push(attempt);
  }

  done = () => ({ start: this.start, stop: this.stop, againAtS: null });

  private use({ owner, size }: Gang, sign: 1 | -1): void {
    this.inUse.set(owner, (this.inUse.get(owner) ?? 0) + sign * size);
    this.free -= sign * size;
  }
}

/** @param makeRoom is asked when an owner's head has room in its own, but others use that */
function startOwn(draft: Draft, makeRoom: (head: Gang) => void): void {
  for (const owner of draft.view.quotas.keys()) {
    for (;;) {
      const head = draft.oldest((gang) => gang.owner === owner);
      if (head === undefined || draft.over(owner) + head.size > 0) break;
      if (head.size > draft.free) makeRoom(head);
      if (head.size > draft.free) break;
      draft.take(head);
    }
  }
}

function startBorrowing(draft: Draft): void {
  for (;;) {
    const [oldest] = draft
      .heads()
      .filter(({ size }) => size <= draft.free)
      .sort((a, b) => a.id - b.id);
    if (oldest === undefined) break;
    draft.take(oldest);
  }
}

function takeFromYoungest(draft: Draft, head: Gang): void {
  const over = new Map([...draft.view.quotas.keys()].map((owner) => [owner, draft.over(owner)]));
  const victims: Attempt[] = [];
  let free = draft.free;
  for (const attempt of draft.view.attempts.toReversed()) {
    if (free >= head.size) break;
    const { owner, size } = attempt.gang;
    const borrowed = over.get(owner) ?? 0;
    if (borrowed <= 0 || draft.stop.includes(attempt)) continue;
    over.set(owner, borrowed - size);
    victims.push(attempt);
    free += size;
  }
  if (free >= head.size) for (const victim of victims) draft.giveBack(victim);
}

function decide(view: LendingView, steps: (draft: Draft) => void) {
  const draft = new Draft(view);
  steps(draft);
  return draft.done();
}

const nothing = () => {};

export const baselines = {
  static: () => ({ decide: (view) => decide(view, (draft) => startOwn(draft, nothing)) }),
  borrow: () => ({
    decide: (view) =>
      decide(view, (draft) => {
        startOwn(draft, nothing);
        startBorrowing(draft);
      }),
  }),
  youngest: () => ({
    decide: (view) =>
      decide(view, (draft) => {
        startOwn(draft, (head) => takeFromYoungest(draft, head));
        startBorrowing(draft);
      }),
  }),
  pool: () => ({
    decide: (view) =>
      decide(view, (draft) => {
        for (;;) {
          const head = draft.oldest(() => true);
          if (head === undefined || head.size > draft.free) break;
          draft.take(head);
        }
      }),
  }),
} satisfies Record<string, () => LendingPolicy>;
