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
  /** by node: the reading in which it was last seen */
  private seen = new Int32Array(0);
  private readings = 0;

  get end(): number {
    return this.dropped + this.nodes.length;
  }

  add(node: number): void {
    this.nodes.push(node);
  }

  /** @param most beyond so many it is as quick to look at all nodes */
  trim(most: number): void {
    if (this.nodes.length <= 2 * most + 1000) return;
    this.dropped += this.nodes.length - most;
    this.nodes = this.nodes.slice(-most);
  }

  /** Visits each that changed once. @returns false: too many to know them */
  visitSince(position: number, size: number, visit: (node: number) => void): boolean {
    if (position < this.dropped) return false;
    if (this.seen.length < size) this.seen = new Int32Array(2 * size);
    this.readings += 1;
    for (let at = position - this.dropped; at < this.nodes.length; at += 1) {
      const node = this.nodes[at] as number;
      if (this.seen[node] === this.readings) continue;
      this.seen[node] = this.readings;
      visit(node);
    }
    return true;
  }
}

export class Row {
  private scores = new Float64Array(0);
  private bestOf: Int32Array = new Int32Array(0);
  private isStale = new Uint8Array(0);
  private readTo = -1;

  /**
   * Takes in what changed.
   * @param score of a node; -Infinity: it can't take the task
   */
  renew(size: number, changes: Changes, score: (node: number) => number): void {
    const { end } = changes;
    if (this.readTo === end && this.scores.length >= size) return;
    const from = this.scores.length < size ? -1 : this.readTo;
    this.readTo = end;
    const visit = (node: number): void => {
      this.scores[node] = score(node);
      this.isStale[Math.floor(node / BLOCK)] = 1;
    };
    if (from < 0 || !changes.visitSince(from, size, visit)) this.readAll(size, score);
    for (let block = 0; block < this.isStale.length; block += 1) if (this.isStale[block] === 1) this.look(block);
  }

  private readAll(size: number, score: (node: number) => number): void {
    if (this.scores.length !== size) this.scores = new Float64Array(size);
    for (let node = 0; node < size; node += 1) this.scores[node] = score(node);
    const blocks = Math.ceil(size / BLOCK);
    this.bestOf = new Int32Array(blocks);
    this.isStale = new Uint8Array(blocks).fill(1);
  }

  private look(block: number): void {
    const from = block * BLOCK;
    const to = Math.min(from + BLOCK, this.scores.length);
    let best = from;
    for (let node = from + 1; node < to; node += 1)
      if ((this.scores[node] as number) > (this.scores[best] as number)) best = node;
    this.bestOf[block] = best;
    this.isStale[block] = 0;
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
