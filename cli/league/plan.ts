/** The league that `hansa start` makes of one machine: two clusters with two nodes each, a quarter of it for each node. */
import { join } from "node:path";
import type { DataFolder } from "../broker/dataFolder.ts";

export const LEAGUE = "local";
export const CLUSTERS = ["north", "south"] as const;
/** In each cluster. */
export const NODES = ["n1", "n2"] as const;

export interface NodePlan {
  cluster: string;
  node: string;
  /** the agent's own folder: identity and journal, kept across restarts */
  data: string;
  log: string;
  cpus: number;
  memMib: number;
  /** first and last that its tasks may be given: no other node of this machine has them */
  ports: string;
}

/** Of each node; the agent's own default is of one that has the machine for itself. */
const PORTS_EACH = 250;
const FIRST_PORT = 31_000;

function portsOfNode(ordinal: number): string {
  const first = FIRST_PORT + ordinal * PORTS_EACH;
  return `${first}-${first + PORTS_EACH - 1}`;
}

/** @param cpus of the machine @param memBytes of the machine */
export function nodePlans(data: DataFolder, cpus: number, memBytes: number): NodePlan[] {
  const nodes = CLUSTERS.length * NODES.length;
  return CLUSTERS.flatMap((cluster, i) =>
    NODES.map((node, j) => ({
      cluster,
      node,
      data: join(data.root, "nodes", `${cluster}-${node}`),
      log: join(data.root, "logs", `${cluster}-${node}.log`),
      cpus: Math.floor((cpus / nodes) * 100) / 100,
      memMib: Math.floor(memBytes / nodes / 2 ** 20),
      ports: portsOfNode(i * NODES.length + j),
    })),
  );
}
