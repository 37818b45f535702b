/**
 * How good each node is for one kind of task: scores that are kept, in blocks whose best are kept too. Of 10,000 nodes
 * the best is found by looking at a hundred blocks, and what changed since is scored when the row is next asked.
 */

/** About the root of 10,000. */
const BLOCK = 128;
const NOWHERE = Number.NEGATIVE_INFINITY;

/** Nodes in the order in which they changed; rows remember how far they have read. */
export class Changes {
  private nodes: number[] = [];
  /** how many came before the first that is kept */
  private dropped = 0;

  get end(): number {
    return this.dropped + this.nodes.length;
  }

  add(node: number): void {
    this.nodes.push(node);
  }

  /** @param most beyond so many it is as quick to look at all nodes */
  trim(most: number): void {
    if (this.nodes.length <= 2 * most) return;
    this.dropped += this.nodes.length - most;
    this.nodes = this.nodes.slice(-most);
  }

  /** @returns null: too many to know them */
  since(position: number): readonly number[] | null {
    return position < this.dropped ? null : this.nodes.slice(position - this.dropped);
  }
}

export class Row {
  private scores = new Float64Array(0);
  private bestOf: Int32Array = new Int32Array(0);
  private readTo = -1;

  /**
   * Takes in what changed.
   * @param score of a node; -Infinity: it can't take the task
   */
  renew(size: number, changes: Changes, score: (node: number) => number): void {
    const { end } = changes;
    if (this.readTo === end && this.scores.length >= size) return;
    const changed = this.readTo < 0 || this.scores.length < size ? null : changes.since(this.readTo);
    this.readTo = end;
    if (changed === null || changed.length > size) {
      this.scores = Float64Array.from({ length: size }, (_, node) => score(node));
      this.bestOf = new Int32Array(Math.ceil(size / BLOCK));
      for (let block = 0; block < this.bestOf.length; block += 1) this.look(block);
      return;
    }
    const blocks = new Set<number>();
    for (const node of changed.length > 1 ? new Set(changed) : changed) {
      this.scores[node] = score(node);
      blocks.add(Math.floor(node / BLOCK));
    }
    for (const block of blocks) this.look(block);
  }

  private look(block: number): void {
    const from = block * BLOCK;
    const to = Math.min(from + BLOCK, this.scores.length);
    let best = from;
    for (let node = from + 1; node < to; node += 1)
      if ((this.scores[node] as number) > (this.scores[best] as number)) best = node;
    this.bestOf[block] = best;
  }

  score(node: number): number {
    return this.scores[node] as number;
  }

  /** The first of the best. @param isExcluded asked of few nodes @returns -1: none */
  best(isExcluded: ((node: number) => boolean) | null): number {
    let best = -1;
    let bestScore = NOWHERE;
    for (let block = 0; block < this.bestOf.length; block += 1) {
      const first = this.bestOf[block] as number;
      if ((this.scores[first] as number) <= bestScore) continue;
      const found = isExcluded?.(first) ? this.bestIn(block, bestScore, isExcluded) : first;
      if (found < 0) continue;
      best = found;
      bestScore = this.scores[found] as number;
    }
    return best;
  }

  private bestIn(block: number, above: number, isExcluded: (node: number) => boolean): number {
    let best = -1;
    let bestScore = above;
    const to = Math.min((block + 1) * BLOCK, this.scores.length);
    for (let node = block * BLOCK; node < to; node += 1) {
      if ((this.scores[node] as number) <= bestScore || isExcluded(node)) continue;
      best = node;
      bestScore = this.scores[node] as number;
    }
    return best;
  }

  /** The first of those with the highest rank, then score. @param rank -Infinity: not there */
  bestBy(rank: (node: number) => number): number {
    let best = -1;
    let bestRank = NOWHERE;
    let bestScore = NOWHERE;
    for (let node = 0; node < this.scores.length; node += 1) {
      const score = this.scores[node] as number;
      if (score === NOWHERE) continue;
      const its = rank(node);
      if (its < bestRank || its === NOWHERE || (its === bestRank && score <= bestScore)) continue;
      best = node;
      bestRank = its;
      bestScore = score;
    }
    return best;
  }
}
