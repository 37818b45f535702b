/** Explain: why a job waits, what would let it start, and when it will. The same functions as live, on a copy. */
import { isWithin } from "../../model/role.ts";
import type { RoundJob } from "../input.ts";
import { keyOf, slotsIn } from "../slots.ts";
import { type Fix, fixOf } from "./fix.ts";
import { reasonOf, type Told } from "./reason.ts";
import type { Waiting } from "./waiting.ts";

export interface Explanation extends Told {
  fix: Fix | null;
  /** waiting jobs that are served before it, plus one */
  position: number;
  /** ms until its next task starts if things go on as they did; null: nobody can tell */
  estimateMs: number | null;
}

/** Reasons of which the end is a matter of tasks that end. */
const ENDS_WITH_TASKS = new Set<Told["reason"]>(["share", "reclaim", "space", "over-limit"]);

/** Reasons of which the end is a matter of time that passes in silence. */
const ENDS_WITH_SILENCE = new Set<Told["reason"]>(["holding", "mass-silence"]);

export function explain(waiting: Waiting): Explanation {
  const told = reasonOf(waiting);
  const position = 1 + rivalsBefore(waiting).length;
  const estimateMs = isClaimed(waiting)
    ? Math.min(estimateOf(waiting, told, position) ?? Number.POSITIVE_INFINITY, Math.max(0, waiting.graceLeftMs))
    : ENDS_WITH_TASKS.has(told.reason)
      ? estimateOf(waiting, told, position)
      : ENDS_WITH_SILENCE.has(told.reason)
        ? waiting.silenceLeftMs
        : null;
  return { ...told, fix: fixOf(waiting, told), position, estimateMs };
}

const isClaimed = (waiting: Waiting): waiting is Waiting & { graceLeftMs: number } =>
  waiting.graceLeftMs !== undefined && waiting.result.claims.has(waiting.job.id);

/** Those that wait for the same places and are served first: in its role by priority, else by share; then the older. */
function rivalsBefore({ input, result, job }: Waiting): RoundJob[] {
  const share = (one: RoundJob): number => result.roles.get(one.role)?.share ?? 0;
  const rank = (other: RoundJob): number =>
    (other.role === job.role ? job.priority - other.priority : 0) || share(other) - share(job);
  const own = input.jobs.findIndex(({ id }) => id === job.id);
  const places = placesOf(input.partitions, job);
  return input.jobs.filter(
    (other, age) =>
      other.id !== job.id &&
      other.remaining > running(other) &&
      placesOf(input.partitions, other).some((key) => places.includes(key)) &&
      (rank(other) < 0 || (rank(other) === 0 && age < own)),
  );
}

/** The n-th end from now that makes room for it, of tasks that each take as long as those before them did. */
function estimateOf({ input, result, job }: Waiting, { reason }: Told, position: number): number | null {
  const stop = result.stops.get(job.id);
  const places = placesOf(input.partitions, job);
  let endsPerMs = 0;
  for (const other of input.jobs) {
    if (other.meanRunMs === null || other.meanRunMs <= 0) continue;
    if (reason === "over-limit" && stop?.kind === "over-limit" && !isWithin(other.role, stop.role)) continue;
    const there = places.reduce((n, key) => n + (other.held.get(key)?.charged ?? 0), 0);
    endsPerMs += there / other.meanRunMs;
  }
  return endsPerMs === 0 ? null : Math.round(position / endsPerMs);
}

const placesOf = (partitions: Waiting["input"]["partitions"], job: RoundJob): string[] =>
  partitions.filter((partition) => slotsIn(partition, job) > 0).map(keyOf);

const running = ({ held }: RoundJob): number => [...held.values()].reduce((n, { charged }) => n + charged, 0);
