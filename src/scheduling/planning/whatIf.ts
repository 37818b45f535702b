/** A league as it would be without some clusters, or with more nodes: what a round would see of it. */
import { REST } from "../../model/partition.ts";
import type { Shape } from "../../protocol/levels.ts";
import { withNodes } from "../explain/change.ts";
import type { RoundInput, RoundPartition } from "../input.ts";

export interface AddedNodes {
  count: number;
  cluster: string;
  partition: string;
  /** of one of them */
  shape: Shape;
}

export interface WhatIf {
  withoutClusters: readonly string[];
  addNodes: readonly AddedNodes[];
}

export function withWhatIf(input: RoundInput, { withoutClusters, addNodes }: WhatIf): RoundInput {
  return addNodes.reduce(
    (league, { cluster, partition, shape, count }) =>
      withNodes(withHome(league, cluster), { kind: "nodes", cluster, partition, shape, count }),
    without(input, new Set(withoutClusters)),
  );
}

/** What ran there waits again. */
function without(input: RoundInput, clusters: ReadonlySet<string>): RoundInput {
  if (clusters.size === 0) return input;
  return {
    ...input,
    partitions: input.partitions.filter(({ cluster }) => !clusters.has(cluster)),
    jobs: input.jobs.map((job) => ({
      ...job,
      held: new Map([...job.held].filter(([key]) => !clusters.has(key.slice(0, key.indexOf("/"))))),
    })),
  };
}

/** A cluster that never had a node has told of no partition. */
function withHome(input: RoundInput, cluster: string): RoundInput {
  if (input.partitions.some((one) => one.cluster === cluster)) return input;
  return { ...input, partitions: [...input.partitions, emptyHome(cluster)] };
}

const emptyHome = (cluster: string): RoundPartition => ({
  cluster,
  name: REST,
  owner: null,
  isSlice: false,
  usable: {},
  offered: {},
  lendable: {},
  price: 1,
  speed: 1,
  shapes: [],
});
