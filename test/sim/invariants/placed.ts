/** Whether what starts on a machine may run there, as the job says it. */
import { parseConstraint, satisfies } from "../../../src/model/constraints.ts";
import { parseTaskId } from "../../../src/model/ids.ts";
import type { Machine, SimProcess } from "../world/machine.ts";
import type { SimObject } from "../world/simObject.ts";
import type { World } from "../world/world.ts";

export function checkPlace(world: World, cluster: SimObject, machine: Machine, process: SimProcess): void {
  const { checks } = world;
  const { plan } = world.planOf(process.task) ?? {};
  if (!plan) return;
  const { template, key, ports } = process;
  const starts = () => `${key} starts on ${machine.name}`;
  checks.hold("placed-as-asked", plan.givesUpAtMs === null, () => `${starts()}, and no node can run it`);
  const clusters = plan.spec.clusters ?? [cluster.name];
  checks.hold("placed-as-asked", clusters.includes(cluster.name), () => `${starts()}, and not in ${clusters}`);
  checks.hold(
    "placed-as-asked",
    ports.length * 1000 === (template.resources.ports ?? 0) && template.ports.every((port) => ports.includes(port)),
    () => `${starts()} with ports ${ports}, and asked for ${template.ports} of ${template.resources.ports}`,
  );
  if (!isAsTold(world, machine)) return;
  const attributes = attributesOf(world, machine);
  checks.hold(
    "placed-as-asked",
    template.constraints.every((text) => {
      const constraint = parseConstraint(text);
      return constraint !== null && satisfies(attributes, constraint);
    }),
    () => `${starts()}, which is ${JSON.stringify(attributes)}, and asked for ${template.constraints}`,
  );
  if (world.isAtMostOne(process.task) && cluster.rebuilds === 0) checkApart(world, machine, process);
}

/** Between two boots it may become another, which is told only later; and of a copied disk either machine tells. */
const isAsTold = (world: World, machine: Machine): boolean => !machine.isRefitted && !world.hasCopy(machine);

/** A copy of a machine's disk is the same node. */
function attributesOf(world: World, machine: Machine): Record<string, string> {
  const { claims } = world.agents.findLast((agent) => agent.machine === machine) ?? {};
  return { ...machine.attributes, node: claims?.node ?? machine.name, cluster: world.clusterOfMachine(machine).name };
}

/** Tasks of a job that are to stay apart, in one cluster. */
function checkApart(world: World, machine: Machine, { template, task, key }: SimProcess): void {
  const cluster = world.clusterOfMachine(machine);
  const here = attributesOf(world, machine);
  for (const { over, job } of template.apart) {
    if (job !== "self") continue;
    for (const other of world.machines) {
      if (world.clusterOfMachine(other) !== cluster || !isAsTold(world, other)) continue;
      if (attributesOf(world, other)[over] !== here[over]) continue;
      const same = [...other.processes.values()].find(
        (one) => one.key !== key && parseTaskId(one.task)?.job === parseTaskId(task)?.job,
      );
      world.checks.hold(
        "placed-as-asked",
        same === undefined,
        () => `${key} starts on ${machine.name} beside ${same?.key} on ${other.name}, apart over ${over}`,
      );
    }
  }
}
