/** Tasks to be tried again, by index, and when the next of them may be: those that wait for a time stand in a heap. */

interface Waiting {
  index: number;
  /** ms, this object's clock */
  notBefore: number;
}

export class Retries<R extends Waiting> extends Map<number, R> {
  /** the earliest first; one that is no longer so is skipped */
  readonly #later: Waiting[] = [];
  /** whose time had come when it was last looked */
  readonly #due = new Set<number>();
  #lookedAt = Number.NEGATIVE_INFINITY;

  override set(index: number, retry: R): this {
    push(this.#later, { index, notBefore: retry.notBefore });
    return super.set(index, retry);
  }

  override clear(): void {
    this.#later.length = 0;
    this.#due.clear();
    super.clear();
  }

  /** Whether one may be tried again now. */
  isDue(now: number): boolean {
    this.#advance(now);
    for (const index of this.#due) {
      if ((this.get(index)?.notBefore ?? Number.POSITIVE_INFINITY) <= now) return true;
      this.#due.delete(index);
    }
    return false;
  }

  /** When the next one may be that may not yet; null: there is none. */
  nextAt(now: number): number | null {
    this.#advance(now);
    return this.#later[0]?.notBefore ?? null;
  }

  #advance(now: number): void {
    if (now < this.#lookedAt) this.#lookAnew();
    this.#lookedAt = now;
    for (let first = this.#later[0]; first && (first.notBefore <= now || !this.#isSo(first)); first = this.#later[0]) {
      if (this.#isSo(first)) this.#due.add(first.index);
      pop(this.#later);
    }
  }

  /** The clock went back. */
  #lookAnew(): void {
    this.#later.length = 0;
    this.#due.clear();
    for (const { index, notBefore } of this.values()) push(this.#later, { index, notBefore });
  }

  #isSo({ index, notBefore }: Waiting): boolean {
    return this.get(index)?.notBefore === notBefore;
  }
}

function push(heap: Waiting[], one: Waiting): void {
  let at = heap.push(one) - 1;
  while (at > 0) {
    const above = (at - 1) >> 1;
    if ((heap[above] as Waiting).notBefore <= one.notBefore) break;
    heap[at] = heap[above] as Waiting;
    at = above;
  }
  heap[at] = one;
}

function pop(heap: Waiting[]): void {
  const last = heap.pop();
  if (!last || heap.length === 0) return;
  let at = 0;
  for (;;) {
    const left = 2 * at + 1;
    const right = left + 1;
    if (left >= heap.length) break;
    const isRight = right < heap.length && (heap[right] as Waiting).notBefore < (heap[left] as Waiting).notBefore;
    const least = isRight ? right : left;
    if ((heap[least] as Waiting).notBefore >= last.notBefore) break;
    heap[at] = heap[least] as Waiting;
    at = least;
  }
  heap[at] = last;
}
