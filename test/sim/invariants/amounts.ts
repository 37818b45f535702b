/** Whether what a cluster says of its partitions adds up: each by itself, and all of them to what its nodes have. */
import { add, formatResources, type Resources } from "../../../src/model/resources.ts";
import type { NodeView, PartitionView } from "../../../src/model/views.ts";
import type { SimObject } from "../world/simObject.ts";
import type { World } from "../world/world.ts";

export function checkAmounts(world: World, cluster: SimObject): void {
  const partitions = cluster.ask("partitions", {}) as PartitionView[];
  let whole: Resources = {};
  for (const { name, amounts } of partitions) {
    const { total, ...parts } = amounts;
    const sum = Object.values(parts).reduce((all, part) => add(all, part), {});
    const isWhole = Object.values(amounts).every((part) => Object.values(part).every((amount) => amount >= 0));
    world.checks.hold(
      "amounts-add-up",
      isWhole && isSame(sum, total),
      () => `${cluster.name}/${name}: ${JSON.stringify(amounts)}`,
    );
    whole = add(whole, total);
  }
  const there = nodesHave(cluster);
  world.checks.hold(
    "amounts-add-up",
    isSame(whole, there),
    () => `${cluster.name}: its partitions have ${formatResources(whole)}, its nodes ${formatResources(there)}`,
  );
}

/** A node counts as large as what is in use or kept there, should that be more; one that was removed has nothing else. */
function nodesHave(cluster: SimObject): Resources {
  const { items } = cluster.ask("nodes", { after: null, limit: 1000 }) as { items: NodeView[] };
  let there = items.reduce((all: Resources, node) => add(all, highest(node.capacity, inUse(node))), {});
  for (const { name } of cluster.home.query("SELECT name FROM node WHERE removed = 1"))
    there = add(there, (cluster.ask("node", { name }) as NodeView).used);
  return there;
}

/** What is set aside may be offered too. */
function inUse({ used, offered, reserved }: NodeView): Resources {
  const aside = Object.values(reserved).reduce((sum: Resources, amounts) => add(sum, amounts), {});
  return add(used, highest(offered, aside));
}

function highest(a: Resources, b: Resources): Resources {
  const both: Record<string, number> = { ...a };
  for (const [name, amount] of Object.entries(b)) both[name] = Math.max(both[name] ?? 0, amount);
  return both;
}

const isSame = (a: Resources, b: Resources): boolean =>
  Object.keys({ ...a, ...b }).every((name) => (a[name] ?? 0) === (b[name] ?? 0));
