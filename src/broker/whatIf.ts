/** What a person left out of a what-if, filled in from the league; what names nothing there is refused by field. */
import { nearest } from "../model/nearest.ts";
import { REST } from "../model/partition.ts";
import type { WhatIfRequest } from "../model/planRequest.ts";
import { type FieldError, Problem } from "../model/problems.ts";
import type { Resources } from "../model/resources.ts";
import type { Shape } from "../protocol/levels.ts";
import type { RoundPartition } from "../scheduling/input.ts";
import type { AddedNodes, WhatIf } from "../scheduling/planning/whatIf.ts";
import type { Fleet } from "./fleet.ts";
import type { JobMemory } from "./state.ts";

/** Every node has some of these, also where only others are named. */
const USUAL = ["cpus", "mem", "disk"];
const WELL_KNOWN = [...USUAL, "gpus", "ports"];
/** Of an agent as it is installed. */
const DRIVERS = ["process"];

/** @param job whose clusters new nodes are added to, unless one is named. @throws Problem that names each wrong field */
export function resolved(request: WhatIfRequest, job: JobMemory | null, fleet: Fleet): WhatIf {
  const { withoutClusters = [], addNodes = [] } = request;
  const errors = withoutClusters.flatMap((name, i) =>
    unknownCluster(name, fleet.names(), `whatIf.withoutClusters[${i}]`),
  );
  const left = fleet.names().filter((name) => !withoutClusters.includes(name));
  const home = left.find((name) => job?.clusters?.includes(name) ?? true) ?? left[0];
  const partitions = fleet.partitions();
  const added = addNodes.flatMap((asked, i) => {
    const field = `whatIf.addNodes[${i}]`;
    const cluster = asked.cluster ?? home;
    if (cluster === undefined) {
      errors.push({ field: `${field}.cluster`, message: "there is no cluster to add nodes to" });
      return [];
    }
    const partition = asked.partition ?? REST;
    const there = partitions.filter((one) => one.cluster === cluster);
    const wrong = [
      ...unknownCluster(cluster, left, `${field}.cluster`),
      ...unfitPartition(partition, there, cluster, `${field}.partition`),
      ...unknownResources(asked.resources, partitions, job, `${field}.resources`),
    ];
    errors.push(...wrong);
    const like = there.find(({ name }) => name === partition)?.shapes[0];
    return wrong.length > 0 ? [] : [{ count: asked.count, cluster, partition, shape: shapeOf(asked, like) }];
  });
  if (errors.length === 0) return { withoutClusters, addNodes: added satisfies AddedNodes[] };
  throw new Problem("invalid-request", "the what-if names what is not there", { errors });
}

/** @param there those that could be meant */
export function unknownCluster(name: string, there: readonly string[], field: string): FieldError[] {
  if (there.includes(name)) return [];
  const didYouMean = nearest(name, there);
  const message = `no cluster ${name}; there are ${there.join(", ") || "none"}`;
  return [{ field, message, ...(didYouMean !== null && { didYouMean }) }];
}

function unfitPartition(name: string, there: readonly RoundPartition[], cluster: string, field: string): FieldError[] {
  const whole = there.filter(({ isSlice }) => !isSlice).map((one) => one.name);
  if (whole.includes(name) || (there.length === 0 && name === REST)) return [];
  if (there.some((one) => one.name === name))
    return [
      { field, message: `${cluster}/${name} is a slice; nodes are added to one of whole nodes: ${whole.join(", ")}` },
    ];
  const didYouMean = nearest(name, whole);
  const message = `no partition ${name} in ${cluster}; there are ${whole.join(", ") || REST}`;
  return [{ field, message, ...(didYouMean !== null && { didYouMean }) }];
}

/** A name that nobody has is a mistake only if one is near that somebody has. */
function unknownResources(
  resources: Resources,
  partitions: readonly RoundPartition[],
  job: JobMemory | null,
  field: string,
): FieldError[] {
  const known = [
    ...new Set([
      ...WELL_KNOWN,
      ...Object.keys(job?.template.resources ?? {}),
      ...partitions.flatMap(({ usable }) => Object.keys(usable)),
    ]),
  ];
  return Object.keys(resources).flatMap((name): FieldError[] => {
    const didYouMean = known.includes(name) ? null : nearest(name, known);
    return didYouMean === null ? [] : [{ field: `${field}.${name}`, message: "no node has it", didYouMean }];
  });
}

function shapeOf(asked: NonNullable<WhatIfRequest["addNodes"]>[number], like: Shape | undefined): Shape {
  const usual = Object.entries(like?.capacity ?? {}).filter(([name]) => USUAL.includes(name));
  return {
    count: 1,
    capacity: { ...Object.fromEntries(usual), ...asked.resources },
    attributes: { ...like?.attributes, ...asked.attributes },
    ...(like?.roles && { roles: like.roles }),
    drivers: like?.drivers ?? DRIVERS,
  };
}
