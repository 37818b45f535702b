/** When the league on this machine must end: Ctrl-C, TERM, a closed terminal, or the end of the npm that runs it. */
import { type Interrupts, interrupts } from "../job/interrupts.ts";

const LOOK_MS = 250;

/** `first`: end it · `second`: end it now */
export function endings(env: NodeJS.ProcessEnv): Interrupts {
  const presses = interrupts(["SIGINT", "SIGTERM", "SIGHUP"]);
  if (env.npm_lifecycle_event === undefined) return presses;
  const parent = process.ppid;
  const orphaned = new AbortController();
  const timer = setInterval(() => {
    if (process.ppid !== parent) orphaned.abort();
  }, LOOK_MS).unref();
  return {
    first: AbortSignal.any([presses.first, orphaned.signal]),
    second: presses.second,
    release() {
      clearInterval(timer);
      presses.release();
    },
  };
}
