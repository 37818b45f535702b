/** What a fire drill would do with what is live now. */

import { type DrillPreview, MAX_NAMED } from "../../model/drillView.ts";
import { type JobId, taskId } from "../../model/ids.ts";
import type { Template } from "../../model/job.ts";
import { GUARD_MARGIN_MS } from "../../model/stopping.ts";
import { MAX_WAIT_S } from "../../protocol/limits.ts";
import type { ClusterMemory } from "../memory.ts";
import { OVERDUE_MS } from "../rules.ts";
import { attemptsOf } from "../state.ts";
import { drillable, mustBeReady, silentOnes } from "./cut.ts";
import { massHoldOf } from "./report.ts";

/** Who was not answered comes again after so long at the latest, sooner where less time is left; and a little more. */
const BACK_WITHIN_MS = 60_000;
const BACK_PART = 4;
const HOLD_PART = 6;
const SLACK_MS = 5_000;

type Fate = DrillPreview["tasks"][number]["fate"];
const FATES: readonly Fate[] = ["stops", "may-stop", "goes-on"];

/** @throws Problem as a drill does */
export function previewDrill(memory: ClusterMemory, forMs: number, now: number): DrillPreview {
  mustBeReady(memory, now);
  const holdMs = massHoldOf(memory);
  const tasks: DrillPreview["tasks"] = [];
  for (const job of memory.jobs.values()) {
    for (const { index, node } of attemptsOf(job)) {
      if (memory.nodes.get(node)?.removed !== false) continue;
      tasks.push({
        task: taskId(job.id as JobId, index),
        node,
        framework: job.launched?.framework ?? null,
        fate: fateOf(job.template, forMs),
        again: isAgain(job.template, forMs, holdMs),
      });
    }
  }
  const count = (fate: Fate) => tasks.filter((task) => task.fate === fate).length;
  return {
    cluster: memory.cluster,
    forMs,
    nodes: { cut: drillable(memory, now).length, silent: silentOnes(memory, now).length },
    massHoldMs: holdMs,
    counts: {
      live: tasks.length,
      stops: count("stops"),
      mayStop: count("may-stop"),
      goesOn: count("goes-on"),
      again: tasks.filter(({ again }) => again).length,
    },
    tasks: tasks.sort((a, b) => FATES.indexOf(a.fate) - FATES.indexOf(b.fate)).slice(0, MAX_NAMED),
  };
}

/**
 * It is told to end a grace and a margin before its deadline, which counts from its last renewal: just before the cut,
 * or as long ago as two polls are held. And its node may come back a while after the cut.
 */
function fateOf({ stopAfterMs, stopGraceMs }: Template, forMs: number): Fate {
  if (stopAfterMs === null) return "goes-on";
  const endsMs = stopAfterMs - stopGraceMs - GUARD_MARGIN_MS;
  if (endsMs <= forMs) return "stops";
  const heldMs = Math.min(MAX_WAIT_S * 1000, stopAfterMs / HOLD_PART);
  return endsMs - 2 * heldMs <= forMs + backMs(stopAfterMs) ? "may-stop" : "goes-on";
}

const backMs = (stopAfterMs: number): number => Math.min(BACK_WITHIN_MS, stopAfterMs / BACK_PART) + SLACK_MS;

function isAgain({ stopAfterMs, lostAfterMs }: Template, forMs: number, holdMs: number): boolean {
  if (lostAfterMs === null) return false;
  const back = stopAfterMs === null ? BACK_WITHIN_MS : backMs(stopAfterMs);
  return OVERDUE_MS + lostAfterMs + holdMs <= forMs + back;
}
