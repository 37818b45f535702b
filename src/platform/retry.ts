/**
 * When a call to an object is tried again. The platform marks passing faults `retryable`; one that is also
 * `overloaded` must not be tried again, or the load that caused it stays. After any error the stub is spent.
 */
export const MAX_TRIES = 3;
const BASE_DELAY_MS = 100;
const MAX_DELAY_MS = 2000;

interface TransportError {
  retryable?: unknown;
  overloaded?: unknown;
}

export const isRetryable = (error: unknown): boolean => {
  if (typeof error !== "object" || error === null) return false;
  const { retryable, overloaded }: TransportError = error;
  return retryable === true && overloaded !== true;
};

/** Full jitter: uniform between nothing and a bound that doubles, so that callers who failed together part. */
export const delayMs = (tries: number, random: number): number =>
  random * Math.min(MAX_DELAY_MS, BASE_DELAY_MS * 2 ** tries);

export interface RetryOptions {
  random?: () => number;
  sleep?: (ms: number) => Promise<void>;
}

/** @param attempt gets a new stub each time it runs; what it asks must bear repetition */
export async function withRetries<T>(attempt: () => Promise<T>, options: RetryOptions = {}): Promise<T> {
  const { random = Math.random, sleep = (ms) => new Promise((done) => setTimeout(done, ms)) } = options;
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (tries >= MAX_TRIES || !isRetryable(error)) throw error;
      await sleep(delayMs(tries, random()));
    }
  }
}
