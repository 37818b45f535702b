/** What is told of a node beside how many are like it; an inventory never changes. */
import { sharedAttributes } from "../model/constraints.ts";
import type { Inventory } from "../protocol/agent.ts";
import type { Shape } from "../protocol/levels.ts";

const known = new WeakMap<Inventory, { key: string; one: Shape }>();

export function shapeOf(inventory: Inventory): { key: string; one: Shape } {
  const before = known.get(inventory);
  if (before) return before;
  const { capacity, roles, drivers } = inventory;
  const attributes = sharedAttributes(inventory.attributes);
  const one = { count: 1, capacity, attributes, ...(roles && { roles }), drivers };
  const shape = { key: JSON.stringify(one), one };
  known.set(inventory, shape);
  return shape;
}
