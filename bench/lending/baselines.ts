/**
 * What Hansa's lending is measured against. Each owner's queue is first come, first served: nothing overtakes its head.
 * `static`: an owner uses what it brought; `borrow`: then heads that fit into what is idle start, oldest first, and
 * keep it; `youngest`: an owner whose head has room in its own takes it back from the youngest attempts of owners
 * that use more than they brought; `pool`: one queue, nobody owns anything.
 */
import { Draft } from "../../src/scheduling/lending/draft.ts";
import type { Attempt, Gang } from "../../src/scheduling/lending/view.ts";
import type { LendingPolicy } from "./policy.ts";

/** @param makeRoom is asked when an owner's head has room in its own, but others use that */
function startOwn(draft: Draft, makeRoom: (head: Gang) => void): void {
  for (const owner of draft.view.quotas.keys()) {
    for (let head = draft.oldest(owner); head !== undefined; head = draft.oldest(owner)) {
      if (head.size > draft.room(owner)) break;
      if (head.size > draft.free) makeRoom(head);
      if (head.size > draft.free) break;
      draft.take(head);
    }
  }
}

function startBorrowing(draft: Draft): void {
  for (;;) {
    const heads = [...draft.view.quotas.keys()]
      .map((owner) => draft.oldest(owner))
      .filter((head) => head !== undefined);
    const [oldest] = heads.filter(({ size }) => size <= draft.free).sort((a, b) => a.id - b.id);
    if (oldest === undefined) break;
    draft.take(oldest);
  }
}

function takeFromYoungest(draft: Draft, head: Gang): void {
  const room = new Map([...draft.view.quotas.keys()].map((owner) => [owner, draft.room(owner)]));
  const victims: Attempt[] = [];
  let free = draft.free;
  for (const attempt of [...draft.running()].reverse()) {
    if (free >= head.size) break;
    const { owner, size } = attempt.gang;
    const left = room.get(owner) ?? 0;
    if (left >= 0) continue;
    room.set(owner, left + size);
    victims.push(attempt);
    free += size;
  }
  if (free >= head.size) for (const victim of victims) draft.giveBack(victim);
}

const policy = (steps: (draft: Draft) => void) => (): LendingPolicy => ({
  decide(view) {
    const draft = new Draft(view);
    steps(draft);
    return { start: draft.start, stop: [...draft.stop], againAtMs: null };
  },
});

const nothing = () => {};

export const baselines = {
  static: policy((draft) => startOwn(draft, nothing)),
  borrow: policy((draft) => {
    startOwn(draft, nothing);
    startBorrowing(draft);
  }),
  youngest: policy((draft) => {
    startOwn(draft, (head) => takeFromYoungest(draft, head));
    startBorrowing(draft);
  }),
  pool: policy((draft) => {
    for (let head = draft.oldest(); head !== undefined && head.size <= draft.free; head = draft.oldest()) {
      draft.take(head);
    }
  }),
};
