/**
 * What became of the attempts that a fire drill cut off, from rows. Only lengths of time are compared, each measured by
 * one clock: how long an attempt ran, by its node, with how long it was held here. A process starts after it was handed
 * out, so one that ran longer than it was held until it was given up has outlived that; clocks go wrong by 1 % at most.
 */

import { type DrilledTask, type DrillView, MAX_NAMED } from "../../model/drillView.ts";
import { type JobId, taskId } from "../../model/ids.ts";
import { contains, indices, normalize, type Range, type Ranges } from "../../model/ranges.ts";
import { isTerminal } from "../../model/states.ts";
import type { ClusterMemory } from "../memory.ts";
import { massHoldMs, TICK_MS } from "../rules.ts";
import type { JobState } from "../state.ts";
import { missingNodes, reportBy, silentOnes } from "./cut.ts";
import { type FollowedAttempt, keyOf } from "./followed.ts";

/** Two clocks may differ by so much of what they measure. */
const DRIFT = 0.01;
/** An end is seen so long after it came, at most. */
const SEEN_LATE_MS = 1_000;
/** The tick in which a silence is found, and the one in which it is over, may each be late by one. */
const LATE_MS = 15_000 + 2 * TICK_MS;

export interface Findings {
  doubled: DrillView["doubled"];
  late: DrillView["late"];
}

/** What this Cluster knows; where tasks are that it gave back, others do. */
export interface DrillSight {
  view: DrillView;
  /** by job: of those followed what is not here any more */
  away: Record<string, Ranges>;
}

/** Where a task stands, as far as this Cluster knows. */
export interface Standing {
  now: DrilledTask["now"] | "away";
  node: string | null;
  /** of its newest attempt here; null: there is none */
  epoch: number | null;
  waits: string | null;
}

/** Of a task that this cluster knows of: where it stands. */
export interface Whereabouts {
  job: string;
  index: number;
  now: Exclude<Standing["now"], "away">;
  node: string | null;
  waits: string | null;
}

export function standingOf(memory: ClusterMemory, job: string, index: number): Standing {
  const state = memory.jobs.get(job);
  const live = state?.live.get(index);
  if (live) return { now: "runs", node: live.node, epoch: live.epoch, waits: null };
  const row = memory.store.task(job, index);
  const epoch = row?.epoch ?? null;
  if (row && row.state !== "returned" && isTerminal(row.state))
    return { now: "ended", node: row.node, epoch, waits: null };
  if (state && isOverIn(state, index)) return { now: "ended", node: null, epoch, waits: null };
  if (state && waitsIn(state, index)) return { now: "waits", node: null, epoch, waits: state.reason };
  const leaving = state?.leaving.get(index);
  return { now: "away", node: leaving?.node ?? null, epoch, waits: null };
}

/** Of those tasks the ones that this cluster has, or had when they ended. */
export function whereabouts(memory: ClusterMemory, jobs: Record<string, Ranges>): Whereabouts[] {
  return Object.entries(jobs).flatMap(([job, ranges]) =>
    [...indices(ranges)].flatMap((index) => {
      const { now, node, waits } = standingOf(memory, job, index);
      return now === "away" ? [] : [{ job, index, now, node, waits }];
    }),
  );
}

const isOverIn = ({ done, failed, cancelled }: JobState, index: number): boolean =>
  [done, failed, cancelled].some((ranges) => contains(ranges, index));

const waitsIn = ({ retry, fresh, limbo }: JobState, index: number): boolean =>
  retry.get(index) !== undefined || [...fresh, ...limbo].some(({ ranges }) => contains(ranges, index));

export function findings(memory: ClusterMemory): Findings {
  const doubled: Findings["doubled"] = [];
  const late: Findings["late"] = [];
  for (const attempt of memory.followed.all) {
    const { node } = attempt;
    const task = nameOf(attempt);
    const twice = doubledBy(memory, attempt);
    if (twice !== false) doubled.push({ task, node, byMs: twice });
    const outlivedMs = outlivedBy(memory, attempt);
    if (outlivedMs > 0) late.push({ task, node, what: "outlived", byMs: outlivedMs });
    const waitedMs = givenUpLateBy(memory, attempt);
    if (waitedMs > 0) late.push({ task, node, what: "given-up", byMs: waitedMs });
  }
  return { doubled, late };
}

const nameOf = ({ job, index }: FollowedAttempt): string => taskId(job as JobId, index);

/** What it surely ran, ms. */
const surelyMs = (ranMs: number): number => Math.floor(ranMs * (1 - DRIFT));

/** How long it lived on at least when something newer of its task was handed out; null: it still did; false: it did not. */
function doubledBy(memory: ClusterMemory, attempt: FollowedAttempt): number | null | false {
  const { job, index, epoch, start, fate } = attempt;
  if (!start.isOnce || fate.heldMs === undefined) return false;
  const ranMs = start.assignedAtMs === null ? null : (fate.end?.ranMs ?? null);
  const beyondMs = ranMs === null ? 0 : surelyMs(ranMs) - fate.heldMs;
  if (beyondMs <= 0 && fate.stillRan !== true) return false;
  const standing = standingOf(memory, job, index);
  // What was given back may be handed out anywhere from then on.
  if (standing.now !== "away" && (standing.epoch ?? 0) <= epoch) return false;
  return beyondMs > 0 ? beyondMs : null;
}

function outlivedBy({ followed }: ClusterMemory, attempt: FollowedAttempt): number {
  const { start, fate } = attempt;
  const ranMs = fate.end?.ranMs ?? null;
  if (ranMs === null || start.assignedAtMs === null || start.stopAfterMs === null) return 0;
  // What was given up is never renewed again, though its node may name it.
  if (fate.lostAtMs === undefined && followed.named.has(keyOf(attempt))) return 0;
  const mostMs = start.seenAtMs - start.assignedAtMs + start.stopAfterMs + SEEN_LATE_MS;
  return Math.max(0, surelyMs(ranMs) - mostMs);
}

function givenUpLateBy(memory: ClusterMemory, { start, fate }: FollowedAttempt): number {
  if (fate.lostAtMs === undefined || start.lostAfterMs === null) return 0;
  const holdMs = massHoldOf(memory);
  return Math.max(0, fate.lostAtMs - (start.dueAtMs + start.lostAfterMs + holdMs + LATE_MS));
}

/** How much longer is waited for nodes that all fall silent at once. */
export function massHoldOf({ nodes }: ClusterMemory): number {
  const silent = [...nodes.values()].filter(({ removed }) => !removed).map(() => 0);
  return massHoldMs(0, silent, silent.length);
}

/** Null: there was no drill. */
export function drillSight(memory: ClusterMemory, now: number): DrillSight | null {
  const { drill } = memory.self;
  if (drill === null) return null;
  const missing = missingNodes(memory);
  const told = tasksOf(memory, new Set(missing));
  const { doubled, late } = findings(memory);
  const { cluster, followed } = memory;
  const count = (has: (task: Told) => boolean) => told.filter(has).length;
  const became = (what: DrilledTask["became"]) => count(({ view }) => view.became === what);
  const again = count(({ view, isAway }) => view.again && !isAway);
  const isOn = drill.endedAtMs === null;
  const view: DrillView = {
    state: isOn ? "on" : drill.finalAtMs === null ? "settling" : "over",
    startedAt: drill.startedAtMs,
    endsAt: drill.endedAtMs ?? drill.untilMs,
    reportBy: drill.finalAtMs ?? reportBy(drill),
    nodes: {
      cut: drill.nodes,
      silent: silentOnes(memory, now).filter((name) => !drill.silent.includes(name)).length,
      back: isOn ? 0 : Math.max(0, drill.nodes - missing.length),
      missing: isOn ? [] : missing.slice(0, MAX_NAMED),
    },
    counts: {
      live: drill.live,
      followed: followed.size,
      silent: became("silent"),
      wentOn: became("went-on"),
      ended: became("ended"),
      stopped: became("stopped"),
      givenUp: became("given-up"),
      notStarted: became("not-started"),
      again,
      waiting: count(({ view, isAway }) => view.now === "waits" && !isAway),
      doubled: doubled.length,
      lost: 0,
      late: late.length,
    },
    again: again > 0 ? { [cluster]: again } : {},
    tasks: told
      .map(({ view }) => view)
      .sort((a, b) => rankOf(a) - rankOf(b))
      .slice(0, MAX_NAMED),
    doubled: doubled.slice(0, MAX_NAMED),
    lost: [],
    late: late.slice(0, MAX_NAMED),
  };
  return { view, away: awayOf(told) };
}

const RANKS: DrilledTask["became"][] = ["given-up", "stopped", "not-started", "ended", "silent", "went-on"];
const rankOf = ({ became }: DrilledTask): number => RANKS.indexOf(became);

interface Told {
  attempt: FollowedAttempt;
  view: DrilledTask;
  isAway: boolean;
}

function tasksOf(memory: ClusterMemory, missing: ReadonlySet<string>): Told[] {
  return [...memory.followed.all].map((attempt) => {
    const { job, index, epoch, node } = attempt;
    const became = becameOf(memory, attempt, missing.has(node));
    const standing = standingOf(memory, job, index);
    const isGoingOn = became === "silent" || became === "went-on";
    // What may run twice may go on here when its newest attempt is another cluster's.
    const isAway = standing.now === "away" && !isGoingOn;
    const place = isAway ? null : standing.now === "away" ? node : standing.node;
    const view: DrilledTask = {
      task: nameOf(attempt),
      epoch,
      node,
      became,
      reason: attempt.fate.end?.reason ?? (became === "given-up" ? "agent-lost" : null),
      now: became === "silent" ? "unknown" : nowOf(standing, isAway),
      place: place === null ? null : `${memory.cluster}/${place}`,
      again: !isAway && standing.now !== "waits" && (standing.epoch ?? 0) > epoch,
      waits: standing.waits,
    };
    return { attempt, view, isAway };
  });
}

const nowOf = ({ now }: Standing, isAway: boolean): DrilledTask["now"] =>
  now !== "away" ? now : isAway ? "waits" : "runs";

export function becameOf(
  memory: ClusterMemory,
  { job, index, epoch, fate }: FollowedAttempt,
  isMissing: boolean,
): DrilledTask["became"] {
  if (fate.became !== undefined) return fate.became;
  const state = memory.jobs.get(job);
  const isLive = [state?.live.get(index), state?.leaving.get(index)].some((live) => live?.epoch === epoch);
  if (isLive) return isMissing ? "silent" : "went-on";
  if (fate.end?.reason === "deadline") return "stopped";
  if (fate.lostAtMs !== undefined) return "given-up";
  return fate.end === undefined ? "not-started" : "ended";
}

function awayOf(told: readonly Told[]): Record<string, Range[]> {
  const away: Record<string, Range[]> = {};
  for (const { attempt, isAway } of told) {
    if (!isAway) continue;
    const { job, index } = attempt;
    away[job] = [...(away[job] ?? []), [index, index + 1]];
  }
  return Object.fromEntries(Object.entries(away).map(([job, ranges]) => [job, normalize(ranges)]));
}
