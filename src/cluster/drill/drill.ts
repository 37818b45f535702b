/**
 * A fire drill: for a time the cluster's nodes are not heard, as when the site's uplink is cut. That is all it does.
 * What their silence means is decided where silence always is, and nothing there knows of a drill.
 */
import { formatDuration } from "../../model/duration.ts";
import { isAdopted } from "../liveTasks.ts";
import type { ClusterMemory } from "../memory.ts";
import { isKnown, note } from "../requests.ts";
import { OVERDUE_MS } from "../rules.ts";
import type { Drill } from "../schema.ts";
import { attemptsOf, type Live, type NodeState } from "../state.ts";
import { drillable, isCut, missingNodes, mustBeReady, reportBy, silentOnes } from "./cut.ts";
import { type FollowedAttempt, keyOf } from "./followed.ts";
import { becameOf, findings } from "./report.ts";

/** A turn writes no more rows; of more attempts some are followed, evenly. */
const MAX_FOLLOWED = 5_000;
/** So long what came back has to show itself, and what was stopped to find a place. */
const SETTLE_MS = 10_000;
const MAX_NAMES = 300;

export interface DrillWish {
  /** so long nobody is heard */
  forMs: number;
  /** equal for copies of one request, which begin one drill */
  request: string;
}

/** @returns whether it begins now: a copy of its request does nothing */
export function startDrill(memory: ClusterMemory, { forMs, request }: DrillWish, now: number): boolean {
  if (isKnown(memory, request)) return false;
  mustBeReady(memory, now);
  note(memory, request);
  const live = liveAttempts(memory);
  memory.followed.begin(chosenOf(live).map((one) => followedOf(memory, one)));
  save(memory, {
    startedAtMs: now,
    untilMs: now + forMs,
    endedAtMs: null,
    finalAtMs: null,
    nodes: drillable(memory, now).length,
    live: live.length,
    silent: silentOnes(memory, now).slice(0, MAX_NAMES),
    missing: [],
  });
  const detail = `its nodes are cut off for ${formatDuration(forMs)}, ${live.length} attempts live`;
  memory.events.push({ type: "cluster.drill-started", detail });
  return true;
}

function liveAttempts(memory: ClusterMemory): Live[] {
  const live: Live[] = [];
  for (const job of memory.jobs.values())
    for (const one of attemptsOf(job)) if (memory.nodes.get(one.node)?.removed === false) live.push(one);
  return live;
}

function chosenOf(live: readonly Live[]): Live[] {
  const every = Math.ceil(live.length / MAX_FOLLOWED);
  return live.filter((_, i) => i % every === 0);
}

function followedOf(memory: ClusterMemory, live: Live): FollowedAttempt {
  const { job, index, epoch, node: name, assignedAt } = live;
  const { stopAfterMs, lostAfterMs, copies } = job.template;
  const node = memory.nodes.get(name) as NodeState;
  const start = {
    stopAfterMs,
    lostAfterMs,
    isOnce: copies === "at-most-one",
    assignedAtMs: isAdopted(live) ? null : assignedAt,
    seenAtMs: node.seenAt,
    dueAtMs: node.seenAt + node.expectMs + OVERDUE_MS,
  };
  return { job: job.id, index, epoch, node: name, start, fate: {} };
}

/** Before its time; one that is over stays as it is. */
export function endDrill(memory: ClusterMemory, now: number): void {
  const { drill } = memory.self;
  if (drill?.endedAtMs === null) save(memory, { ...drill, endedAtMs: Math.max(drill.startedAtMs, now) });
}

/** Ends it when its time is over, and lets its report stand once everyone is back. Cheap when there is none. */
export function stepDrill(memory: ClusterMemory, now: number): void {
  const before = memory.self.drill;
  if (before === null || before.finalAtMs !== null) return;
  if (before.endedAtMs === null && !isCut(memory, now)) endDrill(memory, Math.min(now, before.untilMs));
  const drill = memory.self.drill;
  if (drill === null || drill.endedAtMs === null) return;
  const isDue = now >= reportBy(drill) || now < drill.startedAtMs;
  if (!isDue && now < drill.endedAtMs + SETTLE_MS) return;
  const missing = missingNodes(memory);
  if (!isDue && (missing.length > 0 || stillThere(memory).length > 0)) return;
  for (const attempt of stillThere(memory)) memory.followed.note(attempt, { stillRan: true });
  const silent = new Set(missing);
  for (const attempt of memory.followed.all)
    memory.followed.note(attempt, { became: becameOf(memory, attempt, silent.has(attempt.node)) });
  memory.followed.isOpen = false;
  save(memory, { ...drill, finalAtMs: now, missing: missing.slice(0, MAX_NAMES) });
  const { doubled, late } = findings(memory);
  const detail = `after ${formatDuration(drill.endedAtMs - drill.startedAtMs)}: ${doubled.length} of ${memory.followed.size} attempts doubled, ${late.length} late, ${missing.length} nodes did not come back`;
  memory.events.push({ type: "cluster.drill-ended", detail });
}

/** Given up, and its node says that it has it still. */
const stillThere = (memory: ClusterMemory): FollowedAttempt[] =>
  [...memory.followed.all].filter(
    (one) =>
      one.fate.lostAtMs !== undefined &&
      one.fate.end === undefined &&
      memory.nodes.get(one.node)?.ghosts.has(keyOf(one)) === true,
  );

function save(memory: ClusterMemory, drill: Drill): void {
  memory.self = { ...memory.self, drill };
  memory.store.saveSelf(memory.self);
}

/** When it wants to be looked at again. */
export function* drillTimes({ self: { drill } }: ClusterMemory, now: number): Generator<number> {
  if (drill === null || drill.finalAtMs !== null) return;
  if (drill.endedAtMs === null) yield Math.max(now + 1, drill.untilMs);
  else {
    if (drill.endedAtMs + SETTLE_MS > now) yield drill.endedAtMs + SETTLE_MS;
    yield Math.max(now + 1, reportBy(drill));
  }
}
