/**
 * Orders of indices by a number each has. They compare instead of subtracting, because a difference that is no small
 * integer is a heap object for every comparison.
 */
type Compare = (a: number, b: number) => number;

/** The least first; of equals, the lower index. */
export const rising =
  (of: Float64Array): Compare =>
  (a, b) => {
    const left = of[a] ?? 0;
    const right = of[b] ?? 0;
    return left < right ? -1 : left > right ? 1 : a - b;
  };

/** The greatest first; of equals, the lower index. */
export const falling =
  (of: Float64Array): Compare =>
  (a, b) => {
    const left = of[a] ?? 0;
    const right = of[b] ?? 0;
    return left > right ? -1 : left < right ? 1 : a - b;
  };
