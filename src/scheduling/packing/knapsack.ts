/** The knapsack that holds each item as often as it likes, by dynamic programming. */

/**
 * @param sizes whole numbers above 0 @param gains of one of each, none below 0 @param room a whole number
 * @returns indices of the items of the worthiest filling, one for each time, and its worth
 */
export function worthiest(sizes: readonly number[], gains: readonly number[], room: number) {
  const best = new Float64Array(room + 1);
  /** what came last; -1: nothing, one step stays free */
  const last = new Int32Array(room + 1).fill(-1);
  for (let used = 1; used <= room; used += 1) {
    best[used] = best[used - 1] as number;
    for (let item = 0; item < sizes.length; item += 1) {
      const rest = used - (sizes[item] as number);
      if (rest < 0 || (best[rest] as number) + (gains[item] as number) <= (best[used] as number) + 1e-12) continue;
      best[used] = (best[rest] as number) + (gains[item] as number);
      last[used] = item;
    }
  }
  const items: number[] = [];
  for (let used = room; used > 0; ) {
    const item = last[used] as number;
    if (item >= 0) items.push(item);
    used -= item >= 0 ? (sizes[item] as number) : 1;
  }
  return { items, worth: best[room] as number };
}
