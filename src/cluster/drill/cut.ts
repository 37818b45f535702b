/** Whether a fire drill keeps nodes from being heard now, and which nodes those are. */
import { formatDuration } from "../../model/duration.ts";
import { Problem } from "../../model/problems.ts";
import type { ClusterMemory } from "../memory.ts";
import type { Drill } from "../schema.ts";
import type { NodeState } from "../state.ts";

/** Nodes that are not heard so long after the cut are not waited for. */
const REPORT_WITHIN_MS = 120_000;

/** Whether nodes are not heard now. A clock that went back to before its begin ends it. */
export const isCut = ({ self: { drill } }: Pick<ClusterMemory, "self">, now: number): boolean =>
  drill !== null && drill.endedAtMs === null && now >= drill.startedAtMs && now < drill.untilMs;

/** What nodes are told meanwhile: to come again. */
export const cutOff = (): Problem => new Problem("unavailable", "the cluster is cut off by a fire drill");

/** Nodes that take part: they would be heard. */
export const drillable = (memory: ClusterMemory, now: number): NodeState[] =>
  [...memory.nodes.values()].filter((node) => !node.removed && !memory.isSuspect(node, now));

export const silentOnes = (memory: ClusterMemory, now: number): string[] =>
  [...memory.nodes.values()].filter((node) => !node.removed && memory.isSuspect(node, now)).map(({ name }) => name);

/** @throws Problem when another one is not over, or there is nobody to cut off */
export function mustBeReady(memory: ClusterMemory, now: number): void {
  const { drill } = memory.self;
  if (drill !== null && drill.finalAtMs === null) throw alreadyOn(memory.cluster, drill, now);
  if (drillable(memory, now).length > 0) return;
  const { cluster } = memory;
  const total = [...memory.nodes.values()].filter(({ removed }) => !removed).length;
  throw new Problem(
    "conflict",
    total === 0
      ? `cluster ${cluster} has no nodes to cut off; let one join: hansa token create --join ${cluster}`
      : `none of the ${total} nodes of ${cluster} answers, so it is cut off already; look: hansa nodes --cluster ${cluster}`,
  );
}

function alreadyOn(cluster: string, drill: Drill, now: number): Problem {
  const { endedAtMs, untilMs } = drill;
  const left = formatDuration(Math.max(1_000, (endedAtMs === null ? untilMs : reportBy(drill)) - now));
  return new Problem(
    "conflict",
    endedAtMs === null
      ? `a drill of ${cluster} is on for ${left} more; wait for its end, or end it: hansa drill ${cluster} --end`
      : `the report of the last drill of ${cluster} is made within ${left}; look at it then: hansa drill ${cluster}`,
  );
}

/** Nodes that were heard before the cut, and not since. */
export function missingNodes({ followed, nodes, self: { drill } }: ClusterMemory): string[] {
  if (drill === null || drill.finalAtMs !== null) return drill?.missing ?? [];
  const before = new Set(drill.silent);
  return [...nodes.values()]
    .filter(({ name, removed }) => !removed && !followed.heard.has(name) && !before.has(name))
    .map(({ name }) => name);
}

export const reportBy = ({ endedAtMs, untilMs }: Drill): number => (endedAtMs ?? untilMs) + REPORT_WITHIN_MS;
