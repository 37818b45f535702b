/** Virtual time: what is due next happens next, whatever the wall clock says. Ties go in the order they were asked for. */

export interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
  cancelled: boolean;
}

/** After every microtask, those that they make included: no I/O is ever awaited in a world. */
const allWentOn = (): Promise<void> => new Promise((wentOn) => setImmediate(wentOn));

const before = (a: Timer, b: Timer): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

export class Timeline {
  nowMs = 0;
  steps = 0;
  readonly #heap: Timer[] = [];
  #order = 0;
  #isAwaited = false;
  #failure: { error: unknown } | null = null;

  at(atMs: number, run: () => void): Timer {
    const timer: Timer = { atMs: Math.max(this.nowMs, Math.ceil(atMs)), order: this.#order++, run, cancelled: false };
    this.#push(timer);
    return timer;
  }
  after(delayMs: number, run: () => void): Timer {
    return this.at(this.nowMs + delayMs, run);
  }
  /** A promise was settled: all that waits for it goes on before the next step. */
  settled(): void {
    this.#isAwaited = true;
  }
  /** What goes on after a promise threw: so does the step that it belongs to. */
  failed(error: unknown): void {
    this.#failure ??= { error };
  }

  /** Runs what is due until `untilMs`, or until `done` says so after a step. */
  async run(untilMs: number, done: () => boolean = () => false): Promise<void> {
    for (let next = this.#heap[0]; next && next.atMs <= untilMs; next = this.#heap[0]) {
      this.#pop();
      if (next.cancelled) continue;
      this.nowMs = next.atMs;
      this.steps++;
      next.run();
      if (this.#isAwaited) {
        this.#isAwaited = false;
        await allWentOn();
        if (this.#failure) throw this.#failure.error;
      }
      if (done()) return;
    }
    this.nowMs = Math.max(this.nowMs, untilMs);
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let hole = heap.push(timer) - 1;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      const above = heap[parent] as Timer;
      if (!before(timer, above)) break;
      heap[hole] = above;
      hole = parent;
    }
    heap[hole] = timer;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let hole = 0;
    for (;;) {
      const left = 2 * hole + 1;
      const right = left + 1;
      let child = left;
      if (right < heap.length && before(heap[right] as Timer, heap[left] as Timer)) child = right;
      if (child >= heap.length || !before(heap[child] as Timer, last)) break;
      heap[hole] = heap[child] as Timer;
      hole = child;
    }
    heap[hole] = last;
  }
}
