/**
 * `npm run bench:packing -- --nodes FILE --pods FILE --arrivals FILE`: how much of a fleet's GPUs is allocated when pods
 * come one by one and stay, as in the FGD paper (USENIX ATC'23). No constraint is broken and no pod dropped that fits:
 * both are checked by other code than chooses.
 */

import { printLine } from "./line.ts";
import { parseAsked, UsageError, usage } from "./packing/arguments.ts";
import { BASELINES } from "./packing/baselines.ts";
import type { Policy } from "./packing/fleet.ts";
import { hansa, hansaBatch } from "./packing/hansa.ts";
import { figuresOf, RuleBroken, replay, replayBatch } from "./packing/replay.ts";
import { readTrace, type Trace, TraceError } from "./packing/trace.ts";

const POLICIES: Readonly<Record<string, (trace: Trace) => Policy>> = { hansa, ...BASELINES };

function traceOf(asked: { nodes: string; pods: string; arrivals: string }): Trace {
  try {
    return readTrace(asked);
  } catch (error) {
    if (error instanceof TraceError || (error instanceof Error && "code" in error)) throw new UsageError(error.message);
    throw error;
  }
}

function measure(words: readonly string[]): void {
  const startedAtMs = performance.now();
  const asked = parseAsked(words, Object.keys(POLICIES));
  const trace = traceOf(asked);
  const policy = POLICIES[asked.policy];
  if (!policy) throw new UsageError(`there is no policy ${asked.policy}`);
  const outcome = asked.batch ? replayBatch(trace, hansaBatch) : replay(trace, policy(trace));
  printLine("packing", trace.seed, startedAtMs, {
    list: trace.list,
    mode: asked.batch ? "batch" : "online",
    policy: asked.policy,
    ...figuresOf(trace, outcome),
  });
}

try {
  measure(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError || error instanceof RuleBroken)) throw error;
  const text = error instanceof RuleBroken ? `check failed: ${error.message}` : error.message;
  process.stderr.write(`${text}\n${error instanceof UsageError ? `${usage(Object.keys(POLICIES))}\n` : ""}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
