/**
 * Holds what a Broker keeps in memory against itself after each turn, and now and then against its rows: what was
 * changed and not stored is another thing after the next crash. Only tests ask for it.
 */

import { type GrantState, type JobMemory, liveOf, terminalOf } from "./state.ts";
import type { BrokerStore, FrameworkGrantRow, FrameworkRow, GrantRow, JobRow } from "./store.ts";
import { supplySize, type Terminal, terminalSize } from "./supply.ts";

/** @throws Error that names what differs */
export function verifyJobs(jobs: Iterable<JobMemory>): void {
  for (const job of jobs) {
    verifyIndices(job);
    const lives = [...job.grants.values()].some((grant) => liveOf(grant) > 0 && supplySize(grant.supply) > 0);
    if (!lives && terminalSize(terminalOf(job)) >= job.count) throw new Error(`${job.id} is over and goes on`);
  }
}

/** Each index is in the queue, in the supply of one cluster, or over: once, and none is missing. */
function verifyIndices(job: JobMemory): void {
  const pieces: (readonly [from: number, to: number])[] = [];
  const note = ({ done, failed, cancelled }: Terminal) => void pieces.push(...done, ...failed, ...cancelled);
  for (const { from, to } of job.queue) pieces.push([from, to]);
  note(job.banked);
  for (const { supply, reported } of job.grants.values()) {
    for (const { from, to } of supply) pieces.push([from, to]);
    if (reported) note(reported);
  }
  pieces.sort(([a], [b]) => a - b);
  let next = 0;
  for (const [from, to] of pieces) {
    if (from !== next || to <= from) throw new Error(`${job.id} has ${from}–${to} after ${next} of ${job.count}`);
    next = to;
  }
  if (next !== job.count) throw new Error(`${job.id} has ${next} of ${job.count}`);
}

/** @throws Error that names what differs */
export function verifyRows(jobs: readonly JobMemory[], store: BrokerStore): void {
  const rows = new Map(store.liveJobs().map((row) => [row.id, row]));
  if (rows.size !== jobs.length) throw new Error(`${jobs.length} jobs go on, ${rows.size} by their rows`);
  for (const job of jobs) {
    const row = rows.get(job.id);
    expectSame(job.id, row && toldByJob(row), toldByJob(job));
    const grants = new Map(store.grantsOf(job.id).map((one) => [one.cluster, one]));
    if (grants.size !== job.grants.size) throw new Error(`${job.id} has ${grants.size} rows of grants`);
    for (const grant of job.grants.values()) {
      const stored = grants.get(grant.cluster);
      expectSame(`${job.id} in ${grant.cluster}`, stored && toldByGrant(stored), toldByGrant(grant));
    }
  }
}

/** @throws Error that names what differs */
export function verifyFrameworkRows(
  kept: readonly { framework: FrameworkRow; grants: Iterable<FrameworkGrantRow> }[],
  store: BrokerStore,
): void {
  const rows = new Map(store.frameworks().map((row) => [row.id, row]));
  if (rows.size !== kept.length) throw new Error(`${kept.length} frameworks are known, ${rows.size} by their rows`);
  for (const { framework, grants } of kept) {
    const { id, level, roles } = framework;
    expectSame(id, rows.get(id), { id, level, roles });
    const stored = new Map(store.frameworkGrants(id).map((row) => [row.cluster, row]));
    for (const grant of grants) {
      const row = stored.get(grant.cluster);
      expectSame(`${id} in ${grant.cluster}`, row && toldByFrameworkGrant(row), toldByFrameworkGrant(grant));
    }
  }
}

const toldByFrameworkGrant = ({ gen, limits, earlier, incarnation, rev, reported }: FrameworkGrantRow) => ({
  gen,
  limits,
  earlier,
  incarnation,
  rev,
  reported,
});

const toldByJob = ({ state, queue, nextHandout, banked, endedAt }: JobRow) => ({
  state,
  queue,
  nextHandout,
  banked,
  endedAt,
});

const toldByGrant = (grant: GrantRow | GrantState) => {
  const { gen, action, limits, supply, incarnation, rev, reported, barredIn, claim, yields } = grant;
  return { gen, action, limits, supply, incarnation, rev, reported, barredIn, claim, yields };
};

function expectSame(what: string, row: unknown, memory: unknown): void {
  const [stored, kept] = [JSON.stringify(row), JSON.stringify(memory)];
  if (stored !== kept) throw new Error(`${what} is kept as ${kept}, its row tells ${stored}`);
}
