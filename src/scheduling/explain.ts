/** Why a job waits, from the same facts that the round decided on. Pure. */
import { satisfies } from "../model/constraints.ts";
import { formatResources, timesFits } from "../model/resources.ts";
import type { WaitReason } from "../protocol/levels.ts";
import { type RoundCluster, type RoundJob, slotsIn } from "./round.ts";

export interface Explanation {
  reason: WaitReason;
  sentence: string;
  funnel: { clause: string; nodes: number }[];
}

/** @param local what the clusters that hold its tasks say, if anything */
export function explain(clusters: readonly RoundCluster[], job: RoundJob, local: WaitReason | null): Explanation {
  const funnel = funnelOf(clusters, job);
  const left = (clause: string) => funnel.find((step) => step.clause === clause)?.nodes ?? 0;
  const wanted = formatResources(job.demand);
  const say = (reason: WaitReason, sentence: string): Explanation => ({ reason, sentence, funnel });

  if (left("nodes that are up") === 0) {
    return say(
      "no-nodes",
      "No node of the league is up. Join one (`hansa token create --join CLUSTER` tells how), or wait for one to come back.",
    );
  }
  if (job.clusters !== null && left(clusterClause(job)) === 0) {
    return say("no-nodes", `No node is up in ${job.clusters.join(", ")}, the only clusters the job may use.`);
  }
  const unmet = job.constraints.map((c) => clauseOf(c)).find((clause) => left(clause) === 0);
  if (unmet !== undefined)
    return say("constraint", `No node satisfies \`${unmet}\` together with what stands before it.`);
  if (left(acceptClause(job)) === 0) {
    return say(
      "not-accepted",
      `The nodes that are left do not accept role ${job.role} with driver ${job.driver}: their own configs say so.`,
    );
  }
  if (left(`${wanted} on one empty node`) === 0) {
    return say(
      "never-fits",
      `No node is large enough for ${wanted}, even when empty. Ask for less, or add a larger node.`,
    );
  }
  switch (local) {
    case "backoff":
      return say("backoff", "It failed and waits before its next try.");
    case "holding":
      return say(
        "holding",
        "Something may still run that is not heard of: a silent node, or what a restored broker does not know. It is handed out when nothing can run any more.",
      );
    case "paused":
      return say("paused", "The nodes that could run it are paused.");
    case "granting":
      return say("granting", "It was granted and is on its way to a node.");
    default:
      break;
  }
  if (clusters.every((cluster) => slotsIn(cluster, job) === 0)) {
    return say(
      "fragmented",
      `There is room for ${wanted} in all, but not on one node; it starts when a node has it free.`,
    );
  }
  return say("space", `Every node that could run it is busy; it starts as soon as ${wanted} is free on one.`);
}

const clauseOf = (c: RoundJob["constraints"][number]): string =>
  "values" in c
    ? `${c.name} ${c.op} ${c.values.join(", ")}`
    : "value" in c
      ? `${c.name} ${c.op} ${c.value}`
      : `${c.op} ${c.name}`;
const clusterClause = (job: RoundJob): string => `in ${job.clusters?.join(", ") ?? "any cluster"}`;
const acceptClause = (job: RoundJob): string => `accepts role ${job.role}`;

function funnelOf(clusters: readonly RoundCluster[], job: RoundJob): { clause: string; nodes: number }[] {
  let left = clusters.flatMap((cluster) => cluster.shapes.map((shape) => ({ cluster: cluster.name, shape })));
  const count = () => left.reduce((n, { shape }) => n + shape.count, 0);
  const funnel = [{ clause: "nodes that are up", nodes: count() }];
  const keep = (clause: string, passes: (entry: (typeof left)[number]) => boolean) => {
    left = left.filter(passes);
    funnel.push({ clause, nodes: count() });
  };
  const allowed = job.clusters;
  if (allowed !== null) keep(clusterClause(job), ({ cluster }) => allowed.includes(cluster));
  for (const c of job.constraints) {
    if (c.name === "node" || c.name === "hostname") continue;
    keep(clauseOf(c), ({ cluster, shape }) => satisfies({ ...shape.attributes, cluster }, c));
  }
  keep(
    acceptClause(job),
    ({ shape }) => (!shape.roles || shape.roles.includes(job.role)) && shape.drivers.includes(job.driver),
  );
  keep(`${formatResources(job.demand)} on one empty node`, ({ shape }) => timesFits(job.demand, shape.capacity) > 0);
  return funnel;
}
