/** Jobs that a round should have given more, and did not: there are none, and a metric says so. */
import type { PartitionKey } from "../model/partition.ts";
import { chargeHeld } from "./filling/admit.ts";
import { factsOf } from "./filling/facts.ts";
import { type Filling, openFilling, slotsLeft } from "./filling/wants.ts";
import { spaceIn } from "./filling/where.ts";
import type { RoundHeld, RoundInput, RoundJob, RoundResult } from "./input.ts";
import { promisedBy } from "./offering/offer.ts";
import { quotaTop, withinLimits, withinQuota } from "./shares/bounds.ts";
import { isOwner, take } from "./shares/rooms.ts";

/**
 * Jobs that may use less than their fair part, beside a slot of that part which stays free when everyone uses all that
 * they may, now and by their new limits. @returns their ids
 */
export function starvedJobs(input: RoundInput, result: RoundResult): string[] {
  const used = input.jobs.map((job): RoundJob => ({ ...job, held: heldAfter(job, result) }));
  const facts = factsOf({ ...input, jobs: used });
  const filling = openFilling({ ...facts, promised: promisedBy(facts, result.offers) });
  chargeHeld(filling);
  keepClaimed(filling, result);
  const starved = filling.wants.filter((want) => {
    const { job, leaf } = want;
    const fair = result.entitled.get(job.id);
    let has = 0;
    for (const { charged } of job.held.values()) has += charged;
    if (has >= Math.min(total(fair), job.remaining) || withinLimits(leaf) === 0) return false;
    return filling.rooms.some(
      (room) =>
        (fair?.get(room.key) ?? 0) > (job.held.get(room.key)?.charged ?? 0) &&
        slotsLeft(want, room) > 0 &&
        spaceIn(room, leaf) > 0 &&
        withinQuota(leaf, quotaTop(leaf.role, room)) > 0,
    );
  });
  return starved.map(({ job }) => job.id);
}

/** Where room is made for someone, what is free there, and lent of it, is for that one. */
function keepClaimed({ wants, rooms }: Filling, { claims }: RoundResult): void {
  for (const { job, leaf } of wants) {
    for (const room of rooms) {
      const { own = 0, priority = 0 } = claims.get(job.id)?.get(room.key) ?? {};
      if (own + priority > 0)
        take(
          room,
          leaf.demand.map((wanted) => wanted * (own + priority)),
          !isOwner(leaf.role.path, room),
        );
    }
  }
}

/** What it may use by its limits, and what may still run beyond them. */
export function heldAfter(job: RoundJob, { limits }: RoundResult): Map<PartitionKey, RoundHeld> {
  const held = new Map(job.held);
  for (const [key, limit] of limits.get(job.id) ?? []) {
    const before = held.get(key) ?? { charged: 0, barred: false };
    held.set(key, { ...before, charged: Math.max(before.charged, limit) });
  }
  return held;
}

const total = (counts: ReadonlyMap<PartitionKey, number> | undefined): number =>
  [...(counts?.values() ?? [])].reduce((a, b) => a + b, 0);
