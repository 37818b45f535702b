/** Ctrl-C as presses: a press reaches this process twice when npm hands it on, so what comes at once counts as one. */

const SAME_PRESS_MS = 300;

export interface Interrupts {
  /** aborted with the first press */
  readonly first: AbortSignal;
  /** aborted with the second */
  readonly second: AbortSignal;
  /** gives Ctrl-C its usual meaning back */
  release(): void;
}

/** @param signals which signals count; SIGINT by default */
export function interrupts(signals: readonly NodeJS.Signals[] = ["SIGINT"]): Interrupts {
  const first = new AbortController();
  const second = new AbortController();
  let lastAt = Number.NEGATIVE_INFINITY;
  const press = () => {
    const now = performance.now();
    const repeated = now - lastAt < SAME_PRESS_MS;
    lastAt = now;
    if (repeated) return;
    if (first.signal.aborted) second.abort();
    else first.abort();
  };
  for (const signal of signals) process.on(signal, press);
  return {
    first: first.signal,
    second: second.signal,
    release() {
      for (const signal of signals) process.off(signal, press);
    },
  };
}

/** Also when it has been aborted already. */
export function when(signal: AbortSignal, act: () => void): void {
  if (signal.aborted) act();
  else signal.addEventListener("abort", act, { once: true });
}
