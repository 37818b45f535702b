/** Where tasks would go if they were granted now: the placing of a copy. Nothing is handed out or kept for them. */
import type { Template } from "../model/job.ts";
import { add } from "../model/resources.ts";
import type { Counts } from "../protocol/levels.ts";
import { askedOf } from "../scheduling/place/asked.ts";
import { type Placement, place } from "../scheduling/place/place.ts";
import type { ClusterMemory } from "./memory.ts";
import type { Preview } from "./methods.ts";
import { noteStates, partitionsOf } from "./placing.ts";

/** More are not tried: a turn is short. */
const MOST_PREVIEWED = 1000;

/** @param counts tasks by partition */
export function preview(memory: ClusterMemory, template: Template, counts: Counts, now: number): Preview {
  const wanted = Object.values(counts).reduce((a, b) => a + b, 0);
  const places = new Map<string, Preview["places"][number]>();
  for (const { partition, node } of inWhole(placed(memory, template, counts, wanted, now), template)) {
    const key = `${partition}/${node}`;
    const known = places.get(key);
    if (known) known.tasks += 1;
    else places.set(key, { partition, node, tasks: 1 });
  }
  const byNode = [...places.values()].sort((a, b) => (a.node < b.node ? -1 : 1));
  return { places: byNode, isWhole: wanted <= MOST_PREVIEWED };
}

/** Gangs start in one partition or not at all. */
function inWhole<T extends { partition: string }>(tasks: readonly T[], { gang }: Template): readonly T[] {
  if (gang === null) return tasks;
  const byPartition = Map.groupBy(tasks, ({ partition }) => partition);
  return [...byPartition.values()].flatMap((there) => there.slice(0, there.length - (there.length % gang.size)));
}

/** As if every node that is up listened, and nothing else waited here or was only offered. What is tried is undone. */
function placed(
  memory: ClusterMemory,
  template: Template,
  counts: Counts,
  room: number,
  now: number,
): { partition: string; node: string }[] {
  const asked = askedOf("", template);
  const tasks = Array.from({ length: Math.min(room, MOST_PREVIEWED) }, (_, index) => ({ index, avoid: null }));
  const one = { asked, priority: template.priority, refusedBy: new Set<string>(), room, rooms: counts, tasks };
  const tried: Placement[] = [];
  noteStates(memory, now);
  const { placer } = memory;
  const offers = [...memory.frameworks.offers.values()];
  for (const { asked: held, node } of offers) placer.remove(held, { node, devices: null, ports: [] });
  place(placer, withOffered(memory, now), [one], { reach: "up", most: MOST_PREVIEWED }, (placement) => {
    placer.add(asked, placement);
    tried.push(placement);
  });
  for (const placement of tried) placer.remove(asked, placement);
  for (const { asked: held, node } of offers) placer.add(held, { node, devices: null, ports: [] });
  return tried;
}

function withOffered(memory: ClusterMemory, now: number): ReturnType<typeof partitionsOf> {
  const partitions = partitionsOf(memory, now);
  for (const { partition, asked } of memory.frameworks.offers.values()) {
    const there = partitions.get(partition);
    if (there) partitions.set(partition, { ...there, free: add(there.free, asked.demand) });
  }
  return partitions;
}
