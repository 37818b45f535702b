/** What a draft decides for one job: read off it, and told against what was decided before. */

import type { Decision } from "../../model/decision.ts";
import { isWithin } from "../../model/role.ts";
import type { RoundJob } from "../input.ts";
import { keyOf } from "../slots.ts";
import type { Draft } from "./draft.ts";
import { preemptedFor } from "./preempted.ts";

/** Enough to tell two jobs apart. */
const DIGEST_CHARS = 16;
/** Changes that are told; the new plan says the rest. */
const MOST_TOLD = 8;

/** @param digest of the job as it was validated */
export function decisionOf({ input, result }: Draft, job: RoundJob, digest: string): Decision {
  const owners = new Map(input.partitions.map((one) => [keyOf(one), one.owner]));
  const lenderOf = (partition: string): string | null => {
    const owner = owners.get(partition) ?? null;
    return owner === null || isWithin(job.role, owner) ? null : owner;
  };
  return {
    job: digest.slice(0, DIGEST_CHARS),
    places: [...(result.limits.get(job.id) ?? [])]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([partition, units]) => ({ partition, tasks: units * job.unit, lender: lenderOf(partition) })),
    preempts: preemptedFor(job, input, result)
      .map(({ job, partition, tasks }) => ({ job, partition, tasks }))
      .sort((a, b) => (keyOfPreempted(a) < keyOfPreempted(b) ? -1 : 1)),
  };
}

const keyOfPreempted = ({ job, partition }: Decision["preempts"][number]): string => `${job} ${partition}`;

/** `north/default 4 → 2 tasks`. @returns none: it is the same decision */
export function changesBetween(before: Decision, now: Decision): string[] {
  const changes = [
    ...(before.job === now.job ? [] : ["it is another job than the one that was planned"]),
    ...changesOfPlaces(before, now),
    ...changesOfPreempts(before, now),
  ];
  const more = changes.length - MOST_TOLD;
  return more > 0 ? [...changes.slice(0, MOST_TOLD), `${more} changes more`] : changes;
}

function changesOfPlaces(before: Decision, now: Decision): string[] {
  return pairs(before.places, now.places, ({ partition }) => partition).flatMap(([partition, old, one]) => {
    const [was = 0, is = 0] = [old?.tasks, one?.tasks];
    const moved = was === is ? [] : [`${partition} ${was} → ${is} tasks`];
    const [lent, lends] = [old?.lender ?? null, one?.lender ?? null];
    if (lent === lends || is === 0) return moved;
    return [
      ...moved,
      lends === null ? `${partition} is not borrowed any more` : `would now borrow ${partition} of ${lends}`,
    ];
  });
}

function changesOfPreempts(before: Decision, now: Decision): string[] {
  return pairs(before.preempts, now.preempts, keyOfPreempted).flatMap(([, old, one]) => {
    const [was = 0, is = 0] = [old?.tasks, one?.tasks];
    if (was === is) return [];
    const { job, partition } = (one ?? old) as Decision["preempts"][number];
    const whom = `of job ${job} in ${partition}`;
    return was === 0 ? [`would now preempt ${is} ${whom}`] : [`would preempt ${is} ${whom}, not ${was}`];
  });
}

/** Of both lists those with the same key together, by their keys. */
function pairs<T>(
  before: readonly T[],
  now: readonly T[],
  keyOf: (one: T) => string,
): [string, T | undefined, T | undefined][] {
  const [old, later] = [before, now].map((list) => new Map(list.map((one) => [keyOf(one), one])));
  const keys = [...new Set([...(old?.keys() ?? []), ...(later?.keys() ?? [])])].sort();
  return keys.map((key) => [key, old?.get(key), later?.get(key)]);
}
