/** Where tasks would go if they were granted now: the placing of a copy. Nothing is handed out or kept for them. */
import { parseConstraint } from "../model/constraints.ts";
import type { Template } from "../model/job.ts";
import type { Counts } from "../protocol/levels.ts";
import { place } from "../scheduling/place.ts";
import { accounts } from "./levels.ts";
import type { ClusterMemory } from "./memory.ts";

/** More are not tried: a turn is short. */
const MOST_PREVIEWED = 1000;

export interface Preview {
  /** those that have a place, by partition and node */
  places: { partition: string; node: string; tasks: number }[];
  /** false: not all of them were tried */
  isWhole: boolean;
}

/** @param counts tasks by partition */
export function preview(memory: ClusterMemory, template: Template, counts: Counts, now: number): Preview {
  const wanted = Object.values(counts).reduce((a, b) => a + b, 0);
  const places = new Map<string, Preview["places"][number]>();
  for (const { partition, node } of placed(memory, template, counts, wanted, now)) {
    const key = `${partition}/${node}`;
    const known = places.get(key);
    if (known) known.tasks += 1;
    else places.set(key, { partition, node, tasks: 1 });
  }
  return { places: [...places.values()], isWhole: wanted <= MOST_PREVIEWED };
}

/** As if every node that is up listened, and nothing else waited here. */
function placed(
  memory: ClusterMemory,
  { resources, constraints, role, driver }: Template,
  counts: Counts,
  room: number,
  now: number,
): { partition: string; node: string }[] {
  const partitions = [...accounts(memory, now)].map(([name, { free }]) => {
    return [name, { free, pack: memory.spec(name).pack }] as const;
  });
  const tasks = Array.from({ length: Math.min(room, MOST_PREVIEWED) }, (_, index) => ({ index, avoid: null }));
  return place(memory.placeNodes(now), new Map(partitions), [
    {
      job: "",
      demand: resources,
      constraints: constraints.map(parseConstraint).filter((c) => c !== null),
      role,
      driver,
      refusedBy: new Set(),
      room,
      rooms: counts,
      tasks,
    },
  ]).placements;
}
