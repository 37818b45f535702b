/** What a Cluster notes of a framework in its row, beside what the Broker says of it. */
import type { FrameworkHere, HeldInverseOffer } from "./state.ts";

export interface FrameworkNotes {
  /** ids of offers that hold no more, until its Framework object has heard that */
  rescinded: readonly string[];
  /** the same of inverse offers */
  rescindedInverse: readonly string[];
  inverseOffers: readonly HeldInverseOffer[];
}

export const notesOf = ({ rescinded, rescindedInverse, inverseOffers }: FrameworkHere): FrameworkNotes => ({
  rescinded: [...rescinded],
  rescindedInverse: [...rescindedInverse],
  inverseOffers: [...inverseOffers.values()],
});

export function recallNotes(here: FrameworkHere, notes: FrameworkNotes): void {
  for (const id of notes.rescinded) here.rescinded.add(id);
  for (const id of notes.rescindedInverse) here.rescindedInverse.add(id);
  for (const offer of notes.inverseOffers) here.inverseOffers.set(offer.node, offer);
  here.noted = JSON.stringify(notesOf(here));
}
