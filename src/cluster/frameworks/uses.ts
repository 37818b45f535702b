/** What a framework has in this cluster, and what more it would take: by its role and partition. */
import { add, type Resources } from "../../model/resources.ts";
import { DEFAULT_MINIMUM, type FrameworkReport, type FrameworkUse } from "../../protocol/frameworks.ts";
import type { FreeRoom } from "../../protocol/levels.ts";
import { isAllocatable } from "../../scheduling/offering/asks.ts";
import type { NodeSet } from "./nodeSet.ts";
import type { Alike, Offerable } from "./offerable.ts";
import type { FrameworkHere, RoleHere } from "./state.ts";

/** What of a cluster's frameworks is asked here. */
interface Frameworks {
  readonly offerable: Offerable;
  unsuitableFor(here: FrameworkHere, role: RoleHere): NodeSet;
}

export const minimumOf = ({ wish }: RoleHere): readonly Resources[] => wish.minAllocatable ?? DEFAULT_MINIMUM;

/** Nodes of one kind that the role has not refused and can be offered, and those kinds that are worth an offer. */
export function* askedOf(
  frameworks: Frameworks,
  here: FrameworkHere,
  role: RoleHere,
  partition: string,
): Generator<{ alike: Alike; refused: ReturnType<RoleHere["refusals"]["covering"]> }> {
  const unsuitable = frameworks.unsuitableFor(here, role);
  for (const alike of frameworks.offerable.classesIn(partition)) {
    if (!isAllocatable(alike.free, minimumOf(role))) continue;
    const refused = role.refusals.covering(alike.free);
    yield { alike, refused: unsuitable.size > 0 ? [...refused, unsuitable] : refused };
  }
}

/** What it would take there of what is free; null: all of it. */
export function takes(
  frameworks: Frameworks,
  here: FrameworkHere,
  role: RoleHere,
  partition: string,
): FrameworkUse["takes"] {
  let nodes = 0;
  let amounts: Resources = {};
  let isAll = true;
  for (const { alike, refused } of askedOf(frameworks, here, role, partition)) {
    const left = alike.nodes.sizeWithout(refused);
    if (left < alike.nodes.size) isAll = false;
    if (left === 0) continue;
    nodes += left;
    amounts = add(amounts, alike.free, left);
  }
  return isAll ? null : { nodes, amounts };
}

export function frameworkReport(frameworks: Frameworks, here: FrameworkHere): FrameworkReport {
  const isAsking = here.level.state === "active";
  const report: FrameworkUse[] = [...here.uses.values()].map((use) => ({ ...use, takes: null }));
  if (isAsking) {
    for (const [name, role] of here.roles) {
      if (!role.isAsking || (role.refusals.isEmpty && frameworks.unsuitableFor(here, role).size === 0)) continue;
      for (const partition of frameworks.offerable.partitions) {
        const would = takes(frameworks, here, role, partition);
        if (would === null) continue;
        const known = report.find((use) => use.role === name && use.partition === partition);
        if (known) known.takes = would;
        else report.push({ role: name, partition, used: {}, offered: {}, takes: would });
      }
    }
  }
  const idle = [...here.roles].flatMap(([name, role]) => (isAsking && role.isIdle ? [name] : []));
  return {
    framework: here.id,
    genApplied: here.gen,
    ...(here.lostAfterMs > 0 && { lostAfterMs: here.lostAfterMs }),
    ...(here.recovery?.isOver && { recovered: here.recovery.gen }),
    ...(idle.length > 0 && { idle }),
    uses: report.sort((a, b) => (`${a.role} ${a.partition}` < `${b.role} ${b.partition}` ? -1 : 1)),
    isGone: here.isGone,
  };
}

/** What is free in a partition for frameworks, the largest parts first. */
export const roomsIn = (frameworks: Frameworks, partition: string): FreeRoom[] =>
  frameworks.offerable
    .classesIn(partition)
    .map(({ free, nodes }) => ({ free, nodes: nodes.size }))
    .sort((a, b) => compare(b.free, a.free));

export function compare(a: Resources, b: Resources): number {
  for (const name of ["cpus", "mem", "gpus", "disk"]) {
    const difference = (a[name] ?? 0) - (b[name] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
