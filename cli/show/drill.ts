/** A fire drill as a person reads it: what it would do, how it stands, what came of it. */

import type { ClusterDrillView, DrilledTask, DrillPreview, DrillView } from "../../src/model/drillView.ts";
import { formatDuration } from "../../src/model/duration.ts";
import { plural } from "./figures.ts";
import { type Column, table } from "./table.ts";

const MAX_NAMES = 8;
const MAX_ROWS = 20;

const inSeconds = (ms: number): string => formatDuration(Math.max(0, Math.round(ms / 1000)) * 1000);

/** `a, b and 3 more` */
function names(all: readonly string[], total = all.length): string {
  const shown = all.slice(0, MAX_NAMES);
  const more = total - shown.length;
  return more > 0 ? `${shown.join(", ")} and ${more} more` : shown.join(", ");
}

/** What is asked about. */
export function previewLines({ cluster, forMs, nodes, counts, tasks, massHoldMs }: DrillPreview): string[] {
  const length = formatDuration(forMs);
  const lines = [
    `a drill cuts the ${plural(nodes.cut, "node")} of ${cluster} off for ${length}, as if the uplink of its site were cut`,
  ];
  if (nodes.silent > 0) lines.push(`  ${plural(nodes.silent, "node")} of it ${isAre(nodes.silent)} silent already`);
  if (counts.live === 0) return [...lines, "  nothing runs there"];
  const named = (fate: DrillPreview["tasks"][number]["fate"], total: number): string =>
    names(
      tasks.filter((task) => task.fate === fate).map(({ task, node }) => `${task} on ${node}`),
      total,
    );
  if (counts.stops > 0)
    lines.push(
      `  will be stopped at ${counts.stops === 1 ? "its deadline" : "their deadlines"}, and tried again: ${named("stops", counts.stops)}`,
    );
  if (counts.mayStop > 0) lines.push(`  may be stopped, if nodes come back late: ${named("may-stop", counts.mayStop)}`);
  if (counts.goesOn > 0) lines.push(`  go${counts.goesOn === 1 ? "es" : ""} on: ${counts.goesOn}`);
  if (counts.again > 0) {
    const again = tasks.filter((task) => task.again).map(({ task }) => task);
    lines.push(`  handed out again while it lasts: ${names(again, counts.again)}`);
  }
  if (massHoldMs > 0)
    lines.push(
      `  so many nodes fall silent together that what ran there waits ${formatDuration(massHoldMs)} longer before it is handed out again`,
    );
  const launched = tasks.filter(({ framework }) => framework !== null).length;
  if (launched > 0)
    lines.push(`  ${launched} of them ${isAre(launched)} of frameworks, which are told and decide for themselves`);
  return lines;
}

const isAre = (n: number): string => (n === 1 ? "is" : "are");

/** One line while it lasts. */
export function drillProgress({ state, endsAt, nodes, counts, again }: DrillView, nowMs: number): string {
  const elsewhere = perCluster(again);
  const parts = [
    state === "on"
      ? `cut off for ${inSeconds(endsAt - nowMs)} more, ${nodes.silent} of ${plural(nodes.cut, "node")} taken for silent`
      : `the cut is over, ${nodes.back} of ${plural(nodes.cut, "node")} back`,
    `${counts.givenUp + counts.stopped} of ${plural(counts.live, "task")} stopped or given up`,
    `${counts.again} run${counts.again === 1 ? "s" : ""} again${elsewhere && ` (${elsewhere})`}`,
  ];
  return parts.join("; ");
}

/** What of it is news, for those who do not watch a live line. */
export const drillNews = ({ state, nodes, counts, again }: DrillView): string =>
  JSON.stringify([state, nodes.silent, nodes.back, counts, again]);

const perCluster = (counts: Record<string, number>): string =>
  Object.entries(counts)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, count]) => `${name} ${count}`)
    .join(", ");

const BECAME: Record<DrilledTask["became"], string> = {
  silent: "not heard",
  "went-on": "went on",
  ended: "ended",
  stopped: "stopped at its deadline",
  "given-up": "given up",
  "not-started": "had not started",
};

const COLUMNS: Column<DrilledTask>[] = [
  { title: "TASK", cell: ({ task }) => task },
  { title: "WAS ON", cell: ({ node }) => node },
  { title: "ITS ATTEMPT", cell: ({ became }) => BECAME[became] },
  { title: "ITS TASK", cell: nowText },
];

function nowText({ now, place, again, waits }: DrilledTask): string {
  switch (now) {
    case "runs":
      return `runs ${again ? "again " : ""}on ${place}`;
    case "waits":
      return waits === null ? "waits" : `waits: ${waits}`;
    case "ended":
      return `has ended${place === null ? "" : ` on ${place}`}`;
    case "lost":
      return "is lost";
    case "unknown":
      return "";
  }
}

/** Something that must never be. */
export const isBad = ({ counts }: DrillView): boolean => counts.doubled > 0 || counts.lost > 0;

/** @param columns width of the terminal; null: nothing is cut */
export function reportLines({ cluster, drill }: ClusterDrillView, columns: number | null): string[] {
  if (drill === null) return [];
  const { startedAt, endsAt, nodes, counts, again, tasks, doubled, lost, late } = drill;
  const lines = [
    `${cluster} was cut off for ${inSeconds(endsAt - startedAt)}; ${nodes.back} of ${plural(nodes.cut, "node")} came back${nodes.missing.length > 0 ? `, not: ${names(nodes.missing)}` : ""}`,
  ];
  const rows = tasks.filter(({ became }) => became !== "went-on").slice(0, MAX_ROWS);
  if (rows.length > 0) lines.push(...table(rows, COLUMNS, columns));
  const rest = counts.followed - counts.wentOn - rows.length;
  if (rows.length > 0 && rest > 0) lines.push(`and ${rest} more, up to 300 of them with --json`);
  const became = [
    `${counts.wentOn} went on`,
    counts.stopped > 0 && `${counts.stopped} stopped at ${counts.stopped === 1 ? "its deadline" : "their deadlines"}`,
    counts.givenUp > 0 && `${counts.givenUp} given up`,
    counts.ended > 0 && `${counts.ended} ended`,
    counts.notStarted > 0 && `${counts.notStarted} had not started`,
    counts.silent > 0 && `${counts.silent} not heard of`,
  ].filter(Boolean);
  const all =
    counts.followed < counts.live ? `${counts.followed} of ${counts.live} tasks` : plural(counts.live, "task");
  lines.push(`${all}: ${became.join(", ")}`);
  if (counts.again > 0) lines.push(`run again: ${perCluster(again)}`);
  if (counts.waiting > 0) lines.push(`wait for a place: ${counts.waiting}`);
  lines.push(
    `doubled: ${names(doubled.map(doubledText), counts.doubled) || "nothing"}`,
    `lost: ${names(lost, counts.lost) || "nothing"}`,
    `late: ${names(late.map(lateText), counts.late) || "nothing"}`,
  );
  return lines;
}

const doubledText = ({ task, node, byMs }: DrillView["doubled"][number]): string =>
  `${task} (on ${node}, ${byMs === null ? "which still had it" : `lived on for ${inSeconds(byMs)} or more`})`;

const lateText = ({ task, node, what, byMs }: DrillView["late"][number]): string =>
  `${task} (${what === "outlived" ? `on ${node}, past its deadline` : "given up"} by ${inSeconds(byMs)})`;
