/**
 * Whom a Cluster may stop for a claim, and where that makes room. What an attempt would lose is its run time, times the
 * largest part of its node that it has. What is known of attempts is worked out once for all claims of a turn.
 */
import { dominantShare, type Resources } from "../model/resources.ts";
import type { Candidate, Site } from "../scheduling/reclaim.ts";
import { type ClaimKind, isThere } from "./making.ts";
import type { ClusterMemory } from "./memory.ts";
import type { JobState, Live } from "./state.ts";

/** An attempt, or all of a gang: it is stopped as a whole. */
export interface Unit extends Candidate {
  job: JobState;
  lives: readonly Live[];
}

/** Tasks of a job in a partition that may have room made, by one right. */
export interface Claimant {
  job: JobState;
  kind: ClaimKind;
  partition: string;
  dueAt: number;
}

export class Victims {
  readonly #memory: ClusterMemory;
  readonly #now: number;
  /** by job and partition */
  readonly #units = new Map<JobState, Map<string, Unit[]>>();

  constructor(memory: ClusterMemory, now: number) {
    this.#memory = memory;
    this.#now = now;
  }

  for(claimant: Claimant): Choice {
    const { job, kind, partition } = claimant;
    const minRunMs = job.claim?.minRunMs ?? 0;
    const byNode = new Map<string, Unit[]>();
    let youngestMs: number | null = null;
    for (const victim of this.#memory.submitted.values()) {
      if (yieldsOf(victim, job, kind, partition) <= 0) continue;
      const own = this.#of(victim, partition).filter(isRunning);
      for (const { startedAtMs } of own) youngestMs = Math.max(youngestMs ?? startedAtMs, startedAtMs);
      for (const [node, units] of byNodeOf(own.filter(({ startedAtMs }) => this.#now - startedAtMs >= minRunMs)))
        byNode.set(node, [...(byNode.get(node) ?? []), ...units.sort((a, b) => a.loss - b.loss)]);
    }
    return new Choice(this.#memory, claimant, this.#openTo(claimant, byNode), youngestMs);
  }

  /** Nodes that would take the task were they empty. */
  #openTo({ job, partition }: Claimant, byNode: Map<string, Unit[]>): ReadonlyMap<string, readonly Unit[]> {
    const open = new Map<string, Unit[]>();
    if (byNode.size === 0) return open;
    for (const { name, partitions } of this.#memory.placer.accepting(job.asked)) {
      const units = byNode.get(name);
      const node = this.#memory.nodes.get(name);
      if (!units || !node || !partitions.includes(partition)) continue;
      if (this.#memory.isUp(node, this.#now) && !job.refusedBy.has(name)) open.set(name, units);
    }
    return open;
  }

  #of(job: JobState, partition: string): Unit[] {
    const known = this.#units.get(job) ?? new Map<string, Unit[]>();
    this.#units.set(job, known);
    const units = known.get(partition) ?? unitsOf(this.#memory, job, partition, this.#now);
    known.set(partition, units);
    return units;
  }
}

/** Whom one claim may choose of, by node: fewer with each that is stopped. */
export class Choice {
  readonly #memory: ClusterMemory;
  readonly #claimant: Claimant;
  /** by node, of each job those first that lose least */
  readonly #units: ReadonlyMap<string, readonly Unit[]>;
  /** by job, how many may be stopped */
  readonly #most = new Map<JobState, number>();
  /** when the youngest of all that may be stopped has started, long enough ago or not; null: nobody may be */
  readonly youngestMs: number | null;

  constructor(
    memory: ClusterMemory,
    claimant: Claimant,
    units: ReadonlyMap<string, readonly Unit[]>,
    youngestMs: number | null,
  ) {
    this.#memory = memory;
    this.#claimant = claimant;
    this.#units = units;
    this.youngestMs = youngestMs;
  }

  nodes(): Iterable<string> {
    return this.#units.keys();
  }

  /** Some of them were stopped. */
  changed(): void {
    this.#most.clear();
  }

  /**
   * @param spare what is free in the partition and promised to nobody: it may be used beside what victims free
   * @param gone of them, those that are thought of as stopped, and are not on the placer
   * @returns null: nobody may be stopped there
   */
  siteOn(node: string, spare: Resources, gone: ReadonlyMap<Unit["lives"], Unit>): Site<Unit> | null {
    const { job } = this.#claimant;
    const { placer } = this.#memory;
    const left = new Map<JobState, number>();
    for (const unit of gone.values()) left.set(unit.job, this.#leftOf(unit.job, left) - unit.lives.length);
    const candidates = (this.#units.get(node) ?? []).filter((unit) => {
      if (!isRunning(unit) || gone.has(unit.lives)) return false;
      // No more of one job than it yields.
      const rest = this.#leftOf(unit.job, left) - unit.lives.length;
      if (rest < 0) return false;
      left.set(unit.job, rest);
      return true;
    });
    if (candidates.length === 0) return null;
    return {
      node,
      candidates,
      get missing() {
        return lacking(job.template.resources, placer.freeOn(node), spare);
      },
      fitsWithout: (victims) => {
        const stopped = victims.flatMap(({ lives }) => lives.filter((live) => live.node === node));
        return placer.fitsWithout(
          job.asked,
          node,
          stopped.map((live) => ({ asked: live.job.asked, place: live })),
        );
      },
    };
  }

  #leftOf(victim: JobState, left: ReadonlyMap<JobState, number>): number {
    const { job, kind, partition } = this.#claimant;
    const most = left.get(victim) ?? this.#most.get(victim) ?? yieldsOf(victim, job, kind, partition);
    if (!left.has(victim)) this.#most.set(victim, most);
    return most;
  }
}

const isRunning = ({ lives }: Unit): boolean => lives.every((live) => live.stopping === null && isThere(live));

/** How many attempts of the job may still be stopped for the claimant. */
function yieldsOf(victim: JobState, job: JobState, kind: ClaimKind, partition: string): number {
  const { yields, template } = victim;
  if (yields === null || victim === job || victim.action !== "run") return 0;
  if (kind === "priority" && (template.role !== job.template.role || template.priority >= job.template.priority))
    return 0;
  let runs = 0;
  for (const live of victim.live.values()) if (live.partition === partition && live.stopping === null) runs += 1;
  const told = kind === "own" ? yields.lent : yields.lower;
  return Math.min(told[partition] ?? 0, runs - (yields.keep[partition] ?? 0));
}

function unitsOf(memory: ClusterMemory, job: JobState, partition: string, now: number): Unit[] {
  const { gang, resources } = job.template;
  const gangs = new Map<number, Live[]>();
  for (const live of job.live.values()) {
    const key = gang === null ? live.index : Math.floor(live.index / gang.size);
    const lives = gangs.get(key);
    if (lives) lives.push(live);
    else gangs.set(key, [live]);
  }
  const units: Unit[] = [];
  for (const lives of gangs.values()) {
    if (lives.some((live) => live.stopping !== null || live.partition !== partition)) continue;
    const loss = lives.reduce((sum, live) => sum + lossOf(memory, live, now), 0);
    const startedAtMs = Math.max(...lives.map(({ assignedAt }) => assignedAt));
    units.push({ job, lives, loss, frees: resources, startedAtMs });
  }
  return units;
}

function lossOf(memory: ClusterMemory, { node, assignedAt, job }: Live, now: number): number {
  const capacity = memory.nodes.get(node)?.inventory?.capacity ?? {};
  return Math.max(0, now - assignedAt) * dominantShare(job.template.resources, capacity);
}

/** A gang is on several, and frees on each what it has there. */
function byNodeOf(units: readonly Unit[]): Map<string, Unit[]> {
  const there = new Map<string, Unit[]>();
  for (const unit of units) {
    const counts = new Map<string, number>();
    for (const { node } of unit.lives) counts.set(node, (counts.get(node) ?? 0) + 1);
    for (const [node, count] of counts) {
      const frees: Record<string, number> = {};
      for (const [name, amount] of Object.entries(unit.frees)) frees[name] = amount * count;
      const units = there.get(node);
      if (units) units.push({ ...unit, frees });
      else there.set(node, [{ ...unit, frees }]);
    }
  }
  return there;
}

/** What is free beside a victim counts as far as nobody else was promised it. */
function lacking(demand: Resources, free: Resources, spare: Resources): Resources {
  const missing: Record<string, number> = {};
  for (const [name, amount] of Object.entries(demand)) {
    const usable = Math.min(free[name] ?? 0, spare[name] ?? 0);
    missing[name] = amount - Math.min(amount, Math.max(0, usable), free[name] ?? 0);
  }
  return missing;
}
