/**
 * What was used in this cluster since its counters began: the Broker's ledger is made of it. Jobs that go on are
 * counted from their rows; those that are over are folded into sums, since their rows are not read again.
 */
import type { Use } from "../protocol/levels.ts";
import type { ClusterMemory } from "./memory.ts";
import type { JobState } from "./state.ts";
import type { GrantRow } from "./store.ts";
import { UseTally } from "./tally.ts";

/** Live attempts count as far as they have come. */
export function usesOf(memory: ClusterMemory, now: number): Use[] {
  const tally = new UseTally(memory.folded.all());
  for (const job of memory.jobs.values()) {
    const { role, resources } = job.template;
    for (const ran of job.ran.all()) tally.add(ran, role, resources, ran.ms);
    for (const held of job.live.held(now)) tally.add(held, role, resources, held.ms);
    for (const live of job.leaving.values()) tally.add(live, role, resources, Math.max(0, now - live.assignedAt));
  }
  return tally.all();
}

/** After a restore: the Broker has what was counted until then, so all that these rows tell counts nothing. */
export function countAnew(memory: ClusterMemory): void {
  memory.store.forgetUse();
  memory.folded.clear();
  for (const job of memory.jobs.values()) addTo(memory, job, -1);
}

/** The job is over. */
export const fold = (memory: ClusterMemory, job: JobState): void => addTo(memory, job, 1);

/** A job that was over goes on: its rows count again. */
export const unfold = (memory: ClusterMemory, row: GrantRow): void => addTo(memory, memory.jobOf(row), -1);

function addTo(memory: ClusterMemory, { ran, template }: JobState, sign: 1 | -1): void {
  for (const one of ran.all())
    memory.store.saveUse(memory.folded.add(one, template.role, template.resources, sign * one.ms));
}
