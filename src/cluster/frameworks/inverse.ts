/** Frameworks that run something on a node which shall be empty are asked to leave it. */

import type { AnswerInverseRequest } from "../../protocol/frameworks.ts";
import { drainedNodes, drainOn } from "../drain.ts";
import type { ClusterMemory } from "../memory.ts";
import type { FrameworkHere, HeldInverseOffer } from "./state.ts";

export interface InverseChanges {
  asked: { framework: string; offer: HeldInverseOffer }[];
  over: { framework: string; offer: HeldInverseOffer }[];
}

/** One for each framework, node and drain, answered or not. */
export function askToLeave(memory: ClusterMemory): InverseChanges {
  const changes: InverseChanges = { asked: [], over: [] };
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
      if (!offer.isAnswered) changes.over.push({ framework: here.id, offer });
    }
    for (const [node, sinceMs] of nodes ?? []) {
      if (here.inverseOffers.has(node)) continue;
      const id = memory.newOfferId();
      const offer: HeldInverseOffer = { id, node, sinceMs, isAnswered: false };
      here.inverseOffers.set(node, offer);
      changes.asked.push({ framework: here.id, offer });
    }
  }
  return changes;
}

/** Whatever the answer is, it is not asked again. */
export function answerInverse({ frameworks }: ClusterMemory, { framework, inverseOffers }: AnswerInverseRequest): void {
  for (const offer of frameworks.byId.get(framework)?.inverseOffers.values() ?? [])
    if (inverseOffers.includes(offer.id)) offer.isAnswered = true;
}
