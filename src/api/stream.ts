/** Response bodies that are made as they are read: the reader's pace is the maker's. */

const encoder = new TextEncoder();

/** The generator's `finally` runs also when the reader goes away. */
export function streamOf(parts: AsyncGenerator<Uint8Array | string>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await parts.next();
      if (done) controller.close();
      else controller.enqueue(typeof value === "string" ? encoder.encode(value) : value);
    },
    async cancel() {
      await parts.return(undefined);
    },
  });
}

/** Takes the first part before the response begins, so that a problem can still be its answer. */
export async function primed<T>(parts: AsyncGenerator<T>): Promise<AsyncGenerator<T>> {
  const first = await parts.next();
  return (async function* () {
    try {
      if (first.done) return;
      yield first.value;
      yield* parts;
    } finally {
      await parts.return(undefined);
    }
  })();
}
