/** Frameworks that run something on a node which shall be empty are asked to leave it. */

import type { AnswerInverseRequest } from "../../protocol/frameworks.ts";
import { drainOn } from "../drain.ts";
import type { ClusterMemory } from "../memory.ts";
import type { FrameworkHere } from "./state.ts";

/**
 * One for each framework, node and drain, answered or not.
 *
 * @param changed nodes that are otherwise since this was asked last
 */
export function askToLeave(memory: ClusterMemory, changed: Iterable<string>): void {
  const { frameworks, nodes } = memory;
  for (const name of changed) {
    const node = nodes.get(name);
    const drain = node && !node.removed ? drainOn(memory, node) : null;
    if (drain === null && !frameworks.isAnyAskedToLeave(name)) continue;
    const wanted = new Set(drain === null ? [] : frameworksOn(memory, name));
    const asked = frameworks.askedToLeave(name);
    for (const here of asked) {
      const offer = here.inverseOffers.get(name);
      if (offer && wanted.has(here) && offer.sinceMs === drain?.sinceMs) continue;
      here.inverseOffers.delete(name);
      asked.delete(here);
      if (offer && !offer.isAnswered) here.rescindedInverse.add(offer.id);
      frameworks.note(here);
    }
    for (const here of wanted) {
      if (!node || drain === null || asked.has(here)) continue;
      const { sinceMs } = drain;
      // The same after whatever was lost: who answered it has answered it.
      const id = `${frameworks.agentOf(node)}.${sinceMs.toString(36)}.${here.id}`;
      here.inverseOffers.set(name, { id, node: name, sinceMs, isHeard: false, isAnswered: false });
      asked.add(here);
      frameworks.note(here);
    }
  }
}

/** Those that run something there. */
function* frameworksOn(memory: ClusterMemory, node: string): Generator<FrameworkHere> {
  for (const { job } of memory.liveOn(node)) {
    const here = job.launched && memory.frameworks.byId.get(job.launched.framework);
    if (here) yield here;
  }
}

/** Whatever the answer is, it is not asked again. */
export function answerInverse({ frameworks }: ClusterMemory, { framework, inverseOffers }: AnswerInverseRequest): void {
  const here = frameworks.byId.get(framework);
  if (!here) return;
  for (const offer of here.inverseOffers.values()) if (inverseOffers.includes(offer.id)) offer.isAnswered = true;
  frameworks.note(here);
}
