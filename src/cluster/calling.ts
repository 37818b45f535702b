/** Calls the nodes that rest and are wanted. Of many that were called, half come before more are. */
import { calledNodes } from "./gangs.ts";
import type { ClusterMemory } from "./memory.ts";
import { wantedNodes } from "./placing.ts";
import type { Wakers } from "./wakers.ts";

/** Of so many half are waited for, or so long. */
const MANY_CALLED = 64;
const PAUSE_MS = 100;

export class Calling {
  readonly #memory: ClusterMemory;
  readonly #wakers: Wakers;
  /** when nodes were last called, and how many */
  #last = { atMs: Number.NEGATIVE_INFINITY, nodes: 0 };
  #isMoreLater = false;

  constructor(memory: ClusterMemory, wakers: Wakers) {
    this.#memory = memory;
    this.#wakers = wakers;
  }

  /** Those that would be given something if they listened. */
  callWanted(now: number): void {
    this.#isMoreLater = false;
    if (!this.#wakers.someSleep) return;
    const { heldPolls, frameworks } = this.#memory;
    for (const awaited of [calledNodes(this.#memory), frameworks.awaitedNodes])
      for (const node of awaited) if (!heldPolls.polls.has(node)) this.#wakers.call(node, now);
    const { atMs, nodes } = this.#last;
    const isSoon = now >= atMs && now < atMs + PAUSE_MS;
    if (isSoon && nodes >= MANY_CALLED && this.#wakers.called * 2 > nodes) {
      this.#isMoreLater = this.#memory.waitingJobs().length > 0;
      return;
    }
    const wanted = wantedNodes(this.#memory, now);
    for (const node of wanted) this.#wakers.call(node, now);
    if (wanted.length > 0) this.#last = { atMs: now, nodes: this.#wakers.called };
  }

  /** When some are to be called that were left. */
  *wantedAt(): Generator<number> {
    if (this.#isMoreLater) yield this.#last.atMs + PAUSE_MS;
  }
}
