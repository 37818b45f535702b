/** The fewest of a list of causes that still have an effect, found by leaving out (delta debugging, Zeller 1999). */

/**
 * @param causes that together have the effect
 * @param groupOf a group is left out whole, before parts of it are
 * @param hasEffect of these alone
 * @param mayTry false ends the search with what was found
 * @returns isFewest: there was time to see that none can be left out
 */
export async function fewest(
  causes: readonly string[],
  groupOf: (cause: string) => string,
  hasEffect: (causes: readonly string[]) => Promise<boolean>,
  mayTry: () => boolean,
): Promise<{ causes: readonly string[]; isFewest: boolean }> {
  let left = causes;
  const without = async (out: ReadonlySet<string>): Promise<boolean> => {
    const rest = left.filter((cause) => !out.has(cause));
    if (!(await hasEffect(rest))) return false;
    left = rest;
    return true;
  };
  for (const group of new Set(causes.map(groupOf))) {
    if (!mayTry()) return { causes: left, isFewest: false };
    const out = left.filter((cause) => groupOf(cause) === group);
    if (out.length < left.length) await without(new Set(out));
  }
  // The last ones are left out first: what came after the last cause has no part in it.
  for (let size = left.length; size >= 1; size = Math.floor(size / 2)) {
    let hasShrunk = true;
    while (hasShrunk) {
      hasShrunk = false;
      for (let end = left.length; end > 0; end -= size) {
        if (!mayTry()) return { causes: left, isFewest: false };
        const out = left.slice(Math.max(0, end - size), end);
        if (out.length > 0 && (await without(new Set(out)))) hasShrunk = true;
      }
      if (size > 1) break;
    }
  }
  return { causes: left, isFewest: true };
}
