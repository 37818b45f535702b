/** Explain: why a job waits, what would let it start, and when it will. The same functions as live, on a copy. */
import type { RoundInput, RoundJob } from "../input.ts";
import { type Fix, fixOf } from "./fix.ts";
import { reasonOf, type Told } from "./reason.ts";
import type { Waiting } from "./waiting.ts";

export interface Explanation extends Told {
  fix: Fix | null;
  /** ms until its next task starts if things go on as they did; null: nobody can tell */
  estimateMs: number | null;
}

/** Reasons of which the end is a matter of tasks that end. */
const ENDS_WITH_TASKS = new Set<Told["reason"]>(["share", "reclaim", "space", "fragmented", "over-limit"]);

/** @param position waiting jobs in front of it, plus one */
export function explain(waiting: Waiting, position: number): Explanation {
  const told = reasonOf(waiting);
  const estimateMs = ENDS_WITH_TASKS.has(told.reason) ? estimateOf(waiting.input, position) : null;
  return { ...told, fix: fixOf(waiting, told), estimateMs };
}

/** The n-th end from now, of tasks that each take as long as those before them did. */
function estimateOf({ jobs }: RoundInput, position: number): number | null {
  let endsPerMs = 0;
  for (const job of jobs) if (job.meanRunMs !== null && job.meanRunMs > 0) endsPerMs += running(job) / job.meanRunMs;
  return endsPerMs === 0 ? null : Math.round(position / endsPerMs);
}

const running = ({ held }: RoundJob): number => [...held.values()].reduce((n, { charged }) => n + charged, 0);
