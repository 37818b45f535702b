/** Asks many objects, and only so many at once. */

const AT_ONCE = 16;

/** In the order of `items`. Of failures the first is thrown, and nothing more is asked. */
export async function inParallel<T, R>(items: readonly T[], ask: (item: T) => Promise<R>): Promise<R[]> {
  const answers: R[] = new Array(items.length);
  const left = items.entries();
  let hasFailed = false;
  const worker = async (): Promise<void> => {
    for (const [at, item] of left) {
      if (hasFailed) return;
      try {
        answers[at] = await ask(item);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, worker));
  return answers;
}
