/** Frameworks that run something on a node which shall be empty are asked to leave it. */

import type { AnswerInverseRequest } from "../../protocol/frameworks.ts";
import { drainedNodes, drainOn } from "../drain.ts";
import type { ClusterMemory } from "../memory.ts";
import type { FrameworkHere } from "./state.ts";

/** One for each framework, node and drain, answered or not. */
export function askToLeave(memory: ClusterMemory): void {
  const { frameworks } = memory;
  const wanted = new Map<FrameworkHere, Map<string, number>>();
  for (const node of drainedNodes(memory)) {
    const drain = drainOn(memory, node);
    if (!drain) continue;
    for (const { job } of memory.liveOn(node.name)) {
      const here = job.launched && frameworks.byId.get(job.launched.framework);
      if (!here) continue;
      const nodes = wanted.get(here) ?? new Map<string, number>();
      wanted.set(here, nodes.set(node.name, drain.sinceMs));
    }
  }
  for (const here of frameworks.byId.values()) {
    const nodes = wanted.get(here);
    for (const [name, offer] of here.inverseOffers) {
      if (nodes?.get(name) === offer.sinceMs) continue;
      here.inverseOffers.delete(name);
      if (!offer.isAnswered) here.rescindedInverse.add(offer.id);
      frameworks.note(here);
    }
    for (const [name, sinceMs] of nodes ?? []) {
      const node = memory.nodes.get(name);
      if (!node || here.inverseOffers.has(name)) continue;
      // The same after whatever was lost: who answered it has answered it.
      const id = `${frameworks.agentOf(node)}.${sinceMs.toString(36)}.${here.id}`;
      here.inverseOffers.set(name, { id, node: name, sinceMs, isHeard: false, isAnswered: false });
      frameworks.note(here);
    }
  }
}

/** Whatever the answer is, it is not asked again. */
export function answerInverse({ frameworks }: ClusterMemory, { framework, inverseOffers }: AnswerInverseRequest): void {
  const here = frameworks.byId.get(framework);
  if (!here) return;
  for (const offer of here.inverseOffers.values()) if (inverseOffers.includes(offer.id)) offer.isAnswered = true;
  frameworks.note(here);
}
