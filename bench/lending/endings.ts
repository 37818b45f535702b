/** When what runs will end, soonest first: a binary heap, ties by age. */
import type { Attempt } from "../../src/scheduling/lending/view.ts";

export interface Ending {
  atMs: number;
  attempt: Attempt;
}

const before = (a: Ending, b: Ending) =>
  a.atMs < b.atMs || (a.atMs === b.atMs && a.attempt.gang.id < b.attempt.gang.id);

export class Endings {
  private readonly heap: Ending[] = [];

  first(): Ending | undefined {
    return this.heap[0];
  }

  add(ending: Ending): void {
    let at = this.heap.length;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = this.heap[above] as Ending;
      if (!before(ending, parent)) break;
      this.heap[at] = parent;
      at = above;
    }
    this.heap[at] = ending;
  }

  removeFirst(): void {
    const last = this.heap.pop();
    if (last === undefined || this.heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const right = left + 1;
      const child =
        right < this.heap.length && before(this.heap[right] as Ending, this.heap[left] as Ending) ? right : left;
      const below = this.heap[child];
      if (below === undefined || !before(below, last)) break;
      this.heap[at] = below;
      at = child;
    }
    this.heap[at] = last;
  }
}
