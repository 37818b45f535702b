/** Whether what a cluster says of its partitions adds up: each by itself, and all of them to what its nodes have. */
import type { Template } from "../../../src/model/job.ts";
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
  const launched = launchedOn(cluster);
  const usedOn = (node: NodeView) => add(inUse(node), launched.get(node.name) ?? {});
  let there = items.reduce((all: Resources, node) => add(all, highest(node.capacity, usedOn(node))), {});
  for (const { name } of cluster.home.query("SELECT name FROM node WHERE removed = 1"))
    there = add(there, (cluster.ask("node", { name }) as NodeView).used);
  return there;
}

/** What frameworks launched, and what waits until its node listens: an offer no more, and not in use yet. */
function launchedOn({ home }: SimObject): Map<string, Resources> {
  const there = new Map<string, Resources>();
  for (const { node, template } of home.query(LAUNCHED)) {
    const { resources } = JSON.parse(String(template)) as Template;
    there.set(String(node), add(there.get(String(node)) ?? {}, resources));
  }
  return there;
}
const LAUNCHED = `
  SELECT launched ->> '$.node' AS node, template FROM "grant" g
   WHERE launched IS NOT NULL AND ended = 0
     AND NOT EXISTS (SELECT 1 FROM task WHERE task.job = g.job AND task.state != 'waiting')`;

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
