/** Takes in what the Broker says of frameworks: each is a level, applied iff its `gen` is higher. */
import type { FrameworkGrant } from "../../protocol/frameworks.ts";
import type { ClusterMemory } from "../memory.ts";
import { kill } from "./kill.ts";
import { recover } from "./recovery.ts";

/** @param incarnation of the Broker that says it: what an earlier one said is not heard */
export function applyFrameworks(
  memory: ClusterMemory,
  incarnation: number,
  grants: readonly FrameworkGrant[],
  now: number,
): void {
  if (incarnation < memory.self.broker) return;
  const { frameworks } = memory;
  for (const { gen, level, limits, forgotten } of grants) {
    const known = frameworks.byId.get(level.id);
    if (known && known.gen >= gen) {
      // What said that it is applied was lost, whatever is assumed of it.
      if (known.gen === gen && !known.isDirty) known.tellAgain();
      continue;
    }
    const here = frameworks.apply(level, { gen, limits }, now);
    if (forgotten) recover(memory, here, forgotten);
    if (level.state === "removed") for (const job of [...here.tasks.values()]) kill(memory, job, null);
  }
}

/** A copy that came late told of them again. What runs of one stays: it may be the Broker that has forgotten it. */
export function removeUnknown({ frameworks }: ClusterMemory, ids: readonly string[], now: number): void {
  for (const id of ids) {
    const here = frameworks.byId.get(id);
    if (!here || here.tasks.size > 0 || here.level.state === "removed") continue;
    frameworks.apply({ ...here.level, state: "removed" }, { gen: here.gen, limits: {} }, now);
  }
}
