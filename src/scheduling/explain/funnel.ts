/** How many nodes are left after each thing that a job asks for, in the order in which they are asked. */
import { isOwn, satisfies } from "../../model/constraints.ts";
import { formatResources } from "../../model/resources.ts";
import { isWithin } from "../../model/role.ts";
import type { Shape } from "../../protocol/levels.ts";
import type { RoundPartition } from "../input.ts";
import { copiesOn } from "../packing/shape.ts";
import { classSlots, taskDemand } from "../slots.ts";
import { attributesIn, isAllowed, type Waiting } from "./waiting.ts";

export interface Step {
  clause: string;
  nodes: number;
  kind: "up" | "clusters" | "constraint" | "accepts" | "size" | "gang";
  /** of `constraint`: which of the job's */
  index?: number;
}

interface Entry {
  partition: RoundPartition;
  shape: Shape;
}

/** A node is counted once, in the partition that has it whole. */
export function funnelOf({ input, job, texts }: Pick<Waiting, "input" | "job" | "texts">): Step[] {
  let left: Entry[] = input.partitions
    .filter(({ isSlice }) => !isSlice)
    .flatMap((partition) => partition.shapes.map((shape) => ({ partition, shape })));
  const count = () => left.reduce((n, { shape }) => n + shape.count, 0);
  const steps: Step[] = [{ clause: "nodes that are up", nodes: count(), kind: "up" }];
  const keep = (step: Omit<Step, "nodes">, passes: (entry: Entry) => boolean) => {
    left = left.filter(passes);
    steps.push({ ...step, nodes: count() });
  };
  if (job.clusters !== null)
    keep({ clause: `in ${job.clusters.join(", ")}`, kind: "clusters" }, ({ partition }) => isAllowed(job, partition));
  job.constraints.forEach((c, index) => {
    if (isOwn(c)) return;
    keep({ clause: texts[index] ?? c.name, kind: "constraint", index }, ({ partition, shape }) =>
      satisfies(attributesIn(partition, shape.attributes), c),
    );
  });
  keep({ clause: `accepts role ${job.role} with driver ${job.driver}`, kind: "accepts" }, ({ shape }) =>
    takes(shape, job),
  );
  const demand = taskDemand(job);
  keep(
    { clause: `${formatResources(demand)} on one empty node`, kind: "size" },
    ({ shape }) => copiesOn(demand, shape.capacity) > 0,
  );
  if (job.unit > 1)
    keep({ clause: `in a partition that, empty, holds ${job.unit} together`, kind: "gang" }, ({ partition }) =>
      input.partitions.some((one) => isOn(one, partition) && classSlots(one, job) > 0),
    );
  return steps;
}

/** The partition that has nodes whole, or a slice that may be of them. */
const isOn = (one: RoundPartition, whole: RoundPartition): boolean =>
  one === whole || (one.isSlice && one.cluster === whole.cluster);

const takes = (shape: Shape, { role, driver }: { role: string; driver: string }): boolean =>
  (shape.roles?.some((accepted) => isWithin(role, accepted)) ?? true) && shape.drivers.includes(driver);

/** The first that leaves none; null: some nodes are left. */
export const firstEmpty = (steps: readonly Step[]): Step | null => steps.find(({ nodes }) => nodes === 0) ?? null;
